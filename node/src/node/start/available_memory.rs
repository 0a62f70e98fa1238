//! The memory available to the process.

use std::{fs, path::Path};

/// Where Linux mounts the control groups.
const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// Memory available to the process, bytes: that of the machine, or the limit of its control groups
/// if that is lower.
pub fn available_memory_bytes() -> u64 {
    let machine = rustix::system::sysinfo();
    let machine_bytes = machine.totalram.saturating_mul(u64::from(machine.mem_unit));
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let allowed_bytes = allowed_bytes(Path::new(CONTROL_GROUPS), &own);
    allowed_bytes.map_or(machine_bytes, |allowed| allowed.min(machine_bytes))
}

/// The lowest limit of the process's control groups and of the groups around them, bytes. `own` is
/// the content of `/proc/self/cgroup`: `0::/a/b`, or `4:memory:/a/b` in version 1.
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
            // "No limit" is a word in version 2, and a number beyond any memory in version 1.
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
