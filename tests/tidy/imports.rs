//! The modules of its own crate that a file imports, each resolved to where the name is defined.
//!
//! Reads tokens, not meaning: `use` items, and paths in code that begin with `crate::`, `super::`
//! or `self::`. A re-exported name counts as an import of the module that defines it.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{File, is_test, sources};

/// A module's path from its crate's root; empty for the root.
pub type ModulePath = Vec<String>;

/// Re-exports followed for one name: more would be a circle of them.
const HOPS_MAX: usize = 8;

/// The modules of one crate, without tests.
pub struct Crate {
    files: Vec<(ModulePath, File)>,
    modules: BTreeSet<ModulePath>,
    /// By module and name: the path that a `use` of that module gives the name.
    uses: BTreeMap<(ModulePath, String), ModulePath>,
}

/// What a `use` item says: the full path, and the name that it brings into scope.
struct Use {
    path: ModulePath,
    name: String,
}

impl Crate {
    /// The crate whose sources lie in a folder, such as `node/src`.
    pub fn read(folder: &str) -> Self {
        let prefix = format!("{folder}/");
        let mut files = Vec::new();
        for file in sources() {
            if let Some(inside) = file.path.strip_prefix(&prefix)
                && !is_test(inside)
            {
                files.push((module_of(inside), file));
            }
        }
        let paths = files.iter().map(|(module, _)| module);
        let modules = paths.flat_map(|path| (0..=path.len()).map(|length| path[..length].to_vec()));
        let mut this = Self {
            modules: modules.collect(),
            files,
            uses: BTreeMap::new(),
        };
        for (module, file) in &this.files {
            for item in uses(&code_of(&file.text)) {
                if let Some(path) = this.absolute(module, &item.path) {
                    this.uses.insert((module.clone(), item.name), path);
                }
            }
        }
        this
    }

    /// Each file with its module.
    pub fn files(&self) -> impl Iterator<Item = (&ModulePath, &File)> {
        self.files.iter().map(|(module, file)| (module, file))
    }

    /// The modules that a file of the crate imports from, other than its own.
    pub fn imports(&self, module: &ModulePath, file: &File) -> BTreeSet<ModulePath> {
        let paths = prefixed_paths(&code_of(&file.text));
        let absolute = paths.iter().filter_map(|path| self.absolute(module, path));
        let mut found: BTreeSet<ModulePath> = absolute.map(|path| self.resolve(path)).collect();
        found.remove(module);
        found
    }

    /// All modules that have submodules.
    pub fn parents(&self) -> BTreeSet<ModulePath> {
        let modules = self.files.iter().map(|(module, _)| module);
        let parents = modules.filter_map(|module| module.split_last().map(|(_, parent)| parent));
        parents.map(<[String]>::to_vec).collect()
    }

    fn is_module(&self, path: &[String]) -> bool {
        path.is_empty()
            || self
                .files
                .iter()
                .any(|(module, _)| module.starts_with(path))
    }

    /// A path as written in a module, from the crate's root; `None` for other crates' names.
    fn absolute(&self, module: &ModulePath, path: &[String]) -> Option<ModulePath> {
        let (first, mut rest) = path.split_first()?;
        let mut base = match &**first {
            "crate" => Vec::new(),
            "self" => module.clone(),
            "super" => parent(module)?,
            _ => {
                let child = [&module[..], &path[..1]].concat();
                return self.is_module(&child).then(|| [&module[..], path].concat());
            }
        };
        while let Some((first, after)) = rest.split_first()
            && first == "super"
        {
            base = parent(&base)?;
            rest = after;
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// The module that defines what a path names.
    fn resolve(&self, mut path: ModulePath) -> ModulePath {
        for _ in 0..HOPS_MAX {
            let lengths = (0..=path.len()).rev();
            let known = lengths
                .into_iter()
                .find(|length| self.modules.contains(&path[..*length]))
                .unwrap_or_default();
            let Some(name) = path.get(known) else {
                break;
            };
            let key = (path[..known].to_vec(), name.clone());
            match self.uses.get(&key) {
                Some(target) if *target != path => {
                    path = [&target[..], &path[known + 1..]].concat();
                }
                _ => {
                    path.truncate(known);
                    break;
                }
            }
        }
        path
    }
}

fn parent(module: &ModulePath) -> Option<ModulePath> {
    module.split_last().map(|(_, parent)| parent.to_vec())
}

/// The module of a file, by its path from the folder of the crate's root.
pub fn module_of(inside: &str) -> ModulePath {
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    let mut module: ModulePath = inside.split('/').map(str::to_owned).collect();
    if module
        .last()
        .is_some_and(|last| ["mod", "lib", "main"].contains(&&**last))
    {
        module.pop();
    }
    module
}

/// A source without its comments and without its module of tests, which stands last.
pub fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    let lines = text.lines();
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    let code = code.map(|line| line.split(" // ").next().unwrap_or(line));
    code.flat_map(|line| [line, "\n"]).collect()
}

/// The `use` items of a source, with every visibility.
fn uses(code: &str) -> Vec<Use> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        let Some(at) = last_use(statement) else {
            continue;
        };
        for mut path in expand(&statement[at..]) {
            let alias = path.last().and_then(|last| {
                last.split_once(" as ")
                    .map(|(name, alias)| (name.trim().to_owned(), alias.trim().to_owned()))
            });
            if let (Some((name, _)), Some(last)) = (&alias, path.last_mut()) {
                last.clone_from(name);
            }
            let name = alias.map(|(_, alias)| alias);
            if let Some(name) = name.or_else(|| path.last().cloned()) {
                found.push(Use { path, name });
            }
        }
    }
    found
}

/// Where the path of a `use` item begins in a statement, if it is one.
fn last_use(statement: &str) -> Option<usize> {
    let at = statement.rfind("use ")?;
    let before = statement[..at].lines().last().unwrap_or_default().trim();
    let is_item = before.is_empty() || before == "pub" || before.starts_with("pub(");
    is_item.then_some(at + "use ".len())
}

/// The paths of a source that begin with `crate`, `super` or `self`.
fn prefixed_paths(code: &str) -> Vec<ModulePath> {
    let mut found = Vec::new();
    for prefix in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(prefix) {
            let before = code[..at].chars().next_back();
            // `super::super::a` is read from its first `super`.
            if !before.is_some_and(|letter| letter.is_alphanumeric() || "_:$".contains(letter)) {
                found.extend(expand(&code[at..]));
            }
        }
    }
    found
}

/// The paths of a tree such as `a::{b, c::{self, D as E}}`, up to where the tree ends.
fn expand(text: &str) -> Vec<ModulePath> {
    let mut found = Vec::new();
    expand_below(text, &mut Vec::new(), &mut found);
    found
}

/// Adds the paths of the tree at the beginning of a text; returns its length in bytes.
fn expand_below(text: &str, above: &mut ModulePath, found: &mut Vec<ModulePath>) -> usize {
    let end = |text: &str| {
        let is_end = |letter: char| !(letter.is_alphanumeric() || "_ *".contains(letter));
        text.find(is_end).unwrap_or(text.len())
    };
    let depth = above.len();
    let mut at = 0;
    loop {
        let length = end(&text[at..]);
        let word = text[at..at + length].trim();
        let word = word
            .split_once(" as ")
            .map_or_else(|| word.split(' ').next().unwrap_or_default(), |_| word);
        at += length;
        if !word.is_empty() {
            above.push(word.to_owned());
        }
        let Some(after) = text[at..].strip_prefix("::") else {
            break;
        };
        at += 2;
        if let Some(group) = after.strip_prefix('{') {
            at += 1 + expand_group(group, above, found);
            above.truncate(depth);
            return at;
        }
    }
    if above.len() > depth || depth > 0 {
        let mut path = above.clone();
        // `a::{self}` is `a`; a glob is what it is taken from.
        if path.len() > 1
            && path
                .last()
                .is_some_and(|last| last == "self" || last == "*")
        {
            path.pop();
        }
        found.push(path);
    }
    above.truncate(depth);
    at
}

/// Adds the paths of the members of a group, up to its closing brace; returns its length in bytes.
fn expand_group(text: &str, above: &mut ModulePath, found: &mut Vec<ModulePath>) -> usize {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\n', ',']).len();
        at += blank;
        match text[at..].chars().next() {
            None => break,
            Some('}') => return at + 1,
            Some(_) => {
                let length = expand_below(&text[at..], above, found);
                // What is no tree (a macro's text) is passed over.
                at += length.max(text[at..].chars().next().map_or(1, char::len_utf8));
            }
        }
    }
    at
}

#[test]
fn trees_of_imports_are_read_whole() {
    let code = "use crate::{\n    control::State,\n    store::{log::{A, B as C}, checkpoint::{self, D}},\n};\n\
                pub(super) use super::super::raft;\nfn f() -> crate::shard::Outcome {}\nlet a = self::b::c(1);";
    let paths = prefixed_paths(code);
    let found: Vec<String> = paths.iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::control::State",
        "crate::store::log::A",
        "crate::store::log::B as C",
        "crate::store::checkpoint",
        "crate::store::checkpoint::D",
        "crate::shard::Outcome",
        "super::super::raft",
        "self::b::c",
    ];
    assert_eq!(found, expected);
    let names: Vec<String> = uses(code).into_iter().map(|item| item.name).collect();
    assert_eq!(names, ["State", "A", "C", "checkpoint", "D", "raft"]);
}
