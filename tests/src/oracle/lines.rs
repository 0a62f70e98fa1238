//! Files of deliveries, one a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// The lines of a file as bytes, without their ends. Blank lines are no deliveries. `.gz` is
/// unpacked.
pub fn read_lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Vec<u8>>>> {
    let file = File::open(path)?;
    let packed = path.extension().is_some_and(|extension| extension == "gz");
    let reader: Box<dyn Read> = if packed {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let lines = BufReader::with_capacity(1 << 20, reader)
        .split(b'\n')
        .map(|line| {
            line.map(|mut line| {
                line.pop_if(|last| *last == b'\r');
                line
            })
        });
    Ok(lines.filter(|line| !matches!(line, Ok(line) if line.trim_ascii().is_empty())))
}
