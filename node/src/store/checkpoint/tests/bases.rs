//! Bases: the format of a stream, and the files that are kept.

use std::fs;
use std::path::Path;

use super::harness::{commit, flip_byte, models, open, scratch_dir, scrub};
use super::model::{Content, Model};
use crate::store::checkpoint::{
    BaseError, BaseHeader, BaseReader, BaseWriter, CheckpointStore, CutError, Digest,
    META_BYTES_MAX,
};

/// A base with frames of all kinds: a meta of several frames, records of several frames.
fn stream() -> (Vec<u8>, Content, Vec<u8>) {
    let content: Content = (0..1_200_u32)
        .map(|i| (i.to_be_bytes().to_vec(), vec![i as u8; (i % 300) as usize]))
        .collect();
    let meta: Vec<u8> = (0..140_000_u32).map(|i| i as u8).collect();
    // Only the store computes a digest; here the error of a first attempt contains it.
    let Err(BaseError::DigestMismatch { found, .. }) = write(Digest::default(), &meta, &content)
    else {
        panic!("a base without the promised records was finished");
    };
    let bytes = write(found, &meta, &content).unwrap();
    (bytes, content, meta)
}

fn write(digest: Digest, meta: &[u8], content: &Content) -> Result<Vec<u8>, BaseError> {
    let header = BaseHeader {
        group: 3,
        cluster_id: b"c".to_vec(),
        position: Model::position(9),
        since: None,
        digest,
        meta_bytes: meta.len() as u32,
    };
    let mut writer = BaseWriter::new(Vec::new(), header, meta)?;
    for (key, payload) in content {
        writer.put(key, payload)?;
    }
    let (stream, bytes) = writer.finish()?;
    assert_eq!(stream.len() as u64, bytes);
    Ok(stream)
}

fn read(stream: &[u8]) -> Result<(Content, Vec<u8>), BaseError> {
    let mut reader = BaseReader::open([stream])?;
    let mut content = Content::new();
    while let Some((key, payload)) = reader.next()? {
        content.insert(key.to_vec(), payload.to_vec());
    }
    assert_eq!(reader.header().position, Model::position(9));
    Ok((content, reader.meta().to_vec()))
}

#[test]
fn a_base_is_read_as_it_was_written() {
    let (stream, content, meta) = stream();
    assert!(read(&stream).unwrap() == (content, meta));
    let header = BaseReader::open([&stream[..]]).unwrap().verify().unwrap();
    assert_eq!((header.group, header.cluster_id), (3, b"c".to_vec()));
}

#[test]
fn a_base_with_any_byte_changed_is_invalid() {
    let (stream, ..) = stream();
    let end = stream.len() - 40..stream.len();
    for at in (0..100)
        .chain((100..stream.len()).step_by(9_973))
        .chain(end)
    {
        let mut changed = stream.clone();
        changed[at] ^= 0x10;
        assert!(
            read(&changed).is_err(),
            "byte {at} changed without an error"
        );
    }
}

#[test]
fn a_base_cut_short_or_prolonged_or_reordered_is_invalid() {
    let (mut stream, ..) = stream();
    for bytes in (0..stream.len()).step_by(9_001).chain([stream.len() - 1]) {
        assert!(
            read(&stream[..bytes]).is_err(),
            "cut to {bytes} bytes without an error"
        );
    }
    stream.push(0);
    assert!(matches!(read(&stream), Err(BaseError::Malformed(_))));
}

#[test]
fn a_writer_refuses_what_a_reader_would() {
    let header = BaseHeader {
        group: 0,
        cluster_id: vec![0; 65],
        position: Model::position(1),
        since: None,
        digest: Digest::default(),
        meta_bytes: 0,
    };
    assert!(matches!(
        BaseWriter::new(Vec::new(), header.clone(), b""),
        Err(BaseError::FieldTooLarge)
    ));
    let long = vec![0; META_BYTES_MAX + 1];
    let header = BaseHeader {
        cluster_id: vec![],
        meta_bytes: long.len() as u32,
        ..header
    };
    assert!(BaseWriter::new(Vec::new(), header.clone(), &long).is_err());
    let header = BaseHeader {
        meta_bytes: 0,
        ..header
    };
    let mut writer = BaseWriter::new(Vec::new(), header, b"").unwrap();
    assert!(writer.put(b"", b"").is_err());
    assert!(matches!(writer.remove(b"b"), Err(BaseError::Malformed(_))));
    writer.put(b"b", b"").unwrap();
    assert!(writer.put(b"b", b"").is_err());
    assert!(writer.put(b"a", b"").is_err());
}

fn files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("bases/shard-0000")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_newest_two_bases_are_kept() {
    let dir = scratch_dir();
    let model = models(11, 2, 30, 200)[0];
    let (store, _) = open(dir.path(), 2);
    assert!(matches!(store.cut_base(0), Err(CutError::NothingCommitted)));
    for number in 1..=4 {
        commit(&store, &model, number);
        let base = store.cut_base(0).unwrap();
        assert_eq!(base.position, Model::position(number));
        assert_eq!(base.digest.records, model.content(number).len() as u64);
        assert_eq!(base.bytes, fs::metadata(&base.files[0].path).unwrap().len());
        // A second cut at the same position returns the same base.
        assert_eq!(store.cut_base(0).unwrap(), base);
        assert_eq!(store.bases(0).unwrap()[0], base);
        let older = (number > 1).then(|| Model::position(number - 1));
        assert_eq!(store.older_base_position(0).unwrap(), older);
    }
    assert_eq!(
        files(dir.path()),
        ["00000000000000000030.base", "00000000000000000040.base"]
    );
    let listed = store.bases(0).unwrap();
    for base in &listed {
        let bytes = base
            .files
            .iter()
            .map(|file| file.path.metadata().unwrap().len());
        assert_eq!(base.bytes, bytes.sum::<u64>());
    }
    fs::write(dir.path().join("bases/shard-0000/7.base.writing"), b"half").unwrap();
    drop(store);
    let (store, _) = open(dir.path(), 2);
    assert_eq!(store.bases(0).unwrap(), listed);
    assert_eq!(files(dir.path()).len(), 2);
}

#[test]
fn a_base_is_of_one_position_while_commits_go_on() {
    let dir = scratch_dir();
    let models = models(12, 2, 80, 400);
    let (store, _) = open(dir.path(), 2);
    models.iter().for_each(|model| commit(&store, model, 1));
    std::thread::scope(|scope| {
        for model in &models {
            let store = &store;
            scope.spawn(move || (2..=12).for_each(|number| commit(store, model, number)));
        }
        for _ in 0..6 {
            let base = store.cut_base(0).unwrap();
            let number = Model::number(Some(base.position));
            let mut reader =
                BaseReader::open([fs::File::open(&base.files[0].path).unwrap()]).unwrap();
            assert_eq!(reader.meta(), models[0].meta(number));
            let mut content = Content::new();
            while let Some((key, payload)) = reader.next().unwrap() {
                content.insert(key.to_vec(), payload.to_vec());
            }
            assert!(content == models[0].content(number));
        }
    });
}

/// A group with a base of each of its first two commits.
fn with_two_bases(dir: &Path, seed: u64) -> (CheckpointStore, Model) {
    let model = models(seed, 1, 60, 200)[0];
    let (store, _) = open(dir, 1);
    for number in 1..=2 {
        commit(&store, &model, number);
        store.cut_base(0).unwrap();
    }
    (store, model)
}

#[test]
fn a_scrub_finds_a_rotten_base() {
    let dir = scratch_dir();
    let (store, model) = with_two_bases(dir.path(), 13);
    assert!(scrub(&store, 0).is_empty());
    let rotten = store.bases(0).unwrap()[1].clone();
    flip_byte(&rotten.files[0].path, rotten.bytes as usize / 2);
    let rejected = scrub(&store, 0);
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].0, rotten);
    assert_eq!(store.older_base_position(0).unwrap(), None);
    commit(&store, &model, 3);
    store.cut_base(0).unwrap();
    assert_eq!(
        store.older_base_position(0).unwrap(),
        Some(Model::position(2))
    );
    assert_eq!(files(dir.path()).len(), 2);
}

/// Offset of the body of the second frame, which is the first frame of the meta.
fn meta_at(path: &Path) -> usize {
    const FRAME_HEADER_BYTES: usize = 9;
    let bytes = fs::read(path).unwrap();
    let header_bytes = u32::from_le_bytes(bytes[1..5].try_into().unwrap()) as usize;
    2 * FRAME_HEADER_BYTES + header_bytes
}

/// The newest base that is returned can be read. A lost base stays marked as lost until the next
/// cut.
#[test]
fn a_base_that_can_not_be_read_gives_way_to_the_one_before() {
    type Harm = fn(&Path);
    let harms: [Harm; 2] = [
        |path| flip_byte(path, meta_at(path)),
        |path| fs::remove_file(path).expect("it was there"),
    ];
    for harm in harms {
        let dir = scratch_dir();
        let (store, _) = with_two_bases(dir.path(), 14);
        let newest = |store: &CheckpointStore| {
            let (base, _) = store.newest_base(0).unwrap().expect("a base");
            Model::number(Some(base.position))
        };
        assert_eq!((newest(&store), store.has_lost_base(0)), (2, false));
        harm(&store.bases(0).unwrap()[0].files[0].path);
        assert_eq!((newest(&store), store.has_lost_base(0)), (1, true));
        drop(store);
        let (store, _) = open(dir.path(), 1);
        assert_eq!(newest(&store), 1);
        // At the position of the lost base.
        store.cut_base(0).unwrap();
        assert_eq!((newest(&store), store.has_lost_base(0)), (2, false));
        assert!(scrub(&store, 0).is_empty());
    }
}

#[test]
fn a_scrub_misses_a_file_that_is_gone() {
    let dir = scratch_dir();
    let (store, _) = with_two_bases(dir.path(), 15);
    let gone = store.bases(0).unwrap()[1].clone();
    fs::remove_file(&gone.files[0].path).unwrap();
    let rejected = scrub(&store, 0);
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].0, gone);
    assert!(store.has_lost_base(0));
}
