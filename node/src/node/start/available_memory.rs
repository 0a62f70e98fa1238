//! The memory that there is for the process.

use std::{fs, path::Path};

/// Where the system shows its control groups.
const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// What the process may take: the machine's memory, or what its control groups allow, if that is less, bytes.
pub fn available_memory_bytes() -> u64 {
    let machine = rustix::system::sysinfo();
    let machine_bytes = machine.totalram.saturating_mul(u64::from(machine.mem_unit));
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let allowed_bytes = allowed_bytes(Path::new(CONTROL_GROUPS), &own);
    allowed_bytes.map_or(machine_bytes, |allowed| allowed.min(machine_bytes))
}

/// The least that a group allows or one around it, bytes; `own` says which are ours, as the system does: `0::/a/b`, or in version 1
/// `4:memory:/a/b`.
fn allowed_bytes(root: &Path, own: &str) -> Option<u64> {
    let groups = own.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(":/")?;
        let (root, limit) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            "memory" => (root.join(controllers), "memory.limit_in_bytes"),
            _ => return None,
        };
        Some((root, path, limit))
    });
    let limits = groups.flat_map(|(root, path, limit)| {
        let around = Path::new(path).ancestors();
        around.filter_map(move |group| {
            let limit = fs::read_to_string(root.join(group).join(limit));
            // Without a limit it is a word, or a number beyond any memory.
            limit.ok()?.trim().parse().ok()
        })
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_all_groups_around_counts() {
        let root = tempfile::tempdir().expect("a folder");
        let group = root.path().join("lessons/node.service");
        fs::create_dir_all(&group).expect("a folder");
        let own = "4:memory:/old\n1:name=systemd:/other\n0::/lessons/node.service\n";
        assert_eq!(allowed_bytes(root.path(), own), None);
        for (at, limit, least) in [
            (&group, "max\n", None),
            (&root.path().join("lessons"), "3000000\n", Some(3_000_000)),
            (&group, "5000000\n", Some(3_000_000)),
            (&group, "2000000\n", Some(2_000_000)),
        ] {
            fs::write(at.join("memory.max"), limit).expect("room");
            assert_eq!(allowed_bytes(root.path(), own), least, "{limit}");
        }
        let old = root.path().join("memory/old");
        fs::create_dir_all(&old).expect("a folder");
        fs::write(old.join("memory.limit_in_bytes"), "1000000\n").expect("room");
        assert_eq!(allowed_bytes(root.path(), own), Some(1_000_000));
        assert_eq!(allowed_bytes(root.path(), ""), None);
    }

    #[test]
    fn there_is_memory() {
        assert!(available_memory_bytes() > 1 << 24);
    }
}
