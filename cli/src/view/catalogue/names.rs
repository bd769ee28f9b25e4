//! Names of files: as short as they can be told apart by.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path};

/// The last `count` parts of a path.
fn tail(path: &Path, count: usize) -> String {
    let parts: Vec<_> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        })
        .collect();
    parts[parts.len().saturating_sub(count)..].join("/")
}

/// A name for each path that no other has, nor one of those `taken`: its last parts, as many as it takes; of the same file
/// given twice the second one gets a number.
pub fn distinct(paths: &[&Path], taken: &HashSet<String>) -> Vec<String> {
    let deepest = paths.iter().map(|path| path.components().count()).max().unwrap_or(0);
    let mut names: Vec<Option<String>> = vec![None; paths.len()];
    for depth in 1..=deepest.max(1) {
        let open = || (0..paths.len()).filter(|index| names[*index].is_none());
        let mut counts: HashMap<String, usize> = HashMap::new();
        open().for_each(|index| *counts.entry(tail(paths[index], depth)).or_default() += 1);
        let found: Vec<(usize, String)> = open()
            .map(|index| (index, tail(paths[index], depth)))
            .filter(|(_, name)| counts[name] == 1 && !taken.contains(name))
            .collect();
        let used: HashSet<String> = names.iter().flatten().cloned().collect();
        for (index, name) in found {
            if !used.contains(&name) {
                names[index] = Some(name);
            }
        }
    }
    let mut used: HashSet<String> = names.iter().flatten().chain(taken).cloned().collect();
    names
        .into_iter()
        .zip(paths)
        .map(|(name, path)| {
            name.unwrap_or_else(|| {
                let name = numbered(&tail(path, 1), |name| used.contains(name));
                used.insert(name.clone());
                name
            })
        })
        .collect()
}

/// The name, or with a number behind it that makes it free.
pub fn numbered(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbers = (2..).map(|number| format!("{name} ({number})"));
    std::iter::once(name.to_string()).chain(numbers).find(|name| !is_taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_as_many_parts_as_they_need() {
        let paths = ["/data/a/1.png", "/data/b/1.png", "/data/b/2.png", "/data/b/2.png", "/other/3.png"].map(Path::new);
        let taken = HashSet::from(["3.png".to_string()]);
        assert_eq!(distinct(&paths, &taken), ["a/1.png", "b/1.png", "2.png", "2.png (2)", "other/3.png"]);
        assert_eq!(distinct(&[Path::new("/a.dcm")], &HashSet::new()), ["a.dcm"]);
        assert_eq!(distinct(&[Path::new("/a.dcm")], &HashSet::from(["a.dcm".into()])), ["a.dcm (2)"]);
    }
}
