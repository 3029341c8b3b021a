//! Shards: which part of the work a job does.

use crate::catalogue::fingerprint;

/// A part of the work, so that several machines can share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 0.
    pub index: u64,
    /// Of how many.
    pub count: u64,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Whether that case is in this part. It depends on nothing but the id: a new case moves no other.
    pub fn holds(self, id: &str) -> bool {
        let hash = u64::from_str_radix(&fingerprint(id.bytes()), 16).unwrap_or_default();
        // The low bits of FNV are weak.
        (hash ^ (hash >> 32)) % self.count.max(1) == self.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_in_one_part_and_the_parts_are_alike() {
        let ids: Vec<String> = (0..1_000).map(|n| format!("area/case-{n}")).collect();
        let mut sizes = [0; 4];
        for id in &ids {
            let holding: Vec<u64> =
                (0..4).filter(|index| Shard { index: *index, count: 4 }.holds(id)).collect();
            assert_eq!(holding.len(), 1, "{id}");
            sizes[usize::try_from(holding[0]).unwrap()] += 1;
        }
        assert!(sizes.iter().all(|size| (200..300).contains(size)), "{sizes:?}");
        assert!(Shard::WHOLE.holds("anything"));
    }
}
