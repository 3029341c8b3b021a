//! `--shard`: which part of the cases a job runs.

use crate::fuzz::Shard;

/// Where jobs that run side by side are told which of how many they are; the number from which they count.
const JOBS: [(&str, &str, u64); 8] = [
    // Kubernetes
    ("JOB_COMPLETION_INDEX", "", 0),
    // GitLab
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
    ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),
    ("BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0),
    ("BITBUCKET_PARALLEL_STEP", "BITBUCKET_PARALLEL_STEP_COUNT", 0),
    ("SEMAPHORE_JOB_INDEX", "SEMAPHORE_JOB_COUNT", 1),
    // Azure Pipelines
    ("SYSTEM_JOBPOSITIONINPHASE", "SYSTEM_TOTALJOBSINPHASE", 1),
    // Bazel
    ("TEST_SHARD_INDEX", "TEST_TOTAL_SHARDS", 0),
];

/// Reads `I/N`, counted from 1; `auto` and `auto/N` ask the environment.
pub fn shard(text: &str) -> Result<Shard, String> {
    read(text, &|name| std::env::var(name).ok())
}

fn read(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Shard, String> {
    let wrong = || format!("`{text}` is not a part such as 1/4, counted from 1, nor `auto` or `auto/4`");
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    let (part, count) = match text.split_once('/') {
        Some((part, count)) => (part, Some(number(count)?)),
        None if text == "auto" => (text, None),
        None => return Err(wrong()),
    };
    let (index, count) = match (part, count) {
        ("auto", count) => of_job(count, variable)?,
        (part, Some(count)) => (number(part)?, count),
        (_, None) => return Err(wrong()),
    };
    match (1..=count).contains(&index) {
        true => Ok(Shard { index: index - 1, count }),
        false if part == "auto" => Err(format!("this is job {index}, and there are only {count} parts")),
        false => Err(wrong()),
    }
}

/// The number of this job, from 1, and how many there are.
fn of_job(count: Option<u64>, variable: &dyn Fn(&str) -> Option<String>) -> Result<(u64, u64), String> {
    let number = |name: &str| variable(name)?.parse::<u64>().ok();
    let found =
        JOBS.iter().find_map(|(index, total, first)| Some((number(index)? + 1 - first, *index, *total)));
    let Some((index, name, total)) = found else {
        let names: Vec<&str> = JOBS.iter().map(|(index, ..)| *index).collect();
        return Err(format!("`auto` needs one of the variables {}", names.join(", ")));
    };
    match count.or_else(|| number(total)) {
        Some(count) => Ok((index, count)),
        None => Err(format!("{name} does not tell how many jobs there are: say `auto/N`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_or_found_in_the_environment() {
        let of = |text: &str, variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            read(text, &variable).map(|shard| (shard.index, shard.count))
        };
        assert_eq!(of("2/4", &[]), Ok((1, 4)));
        assert_eq!(of("auto/8", &[("JOB_COMPLETION_INDEX", "0")]), Ok((0, 8)));
        for (index, total, first) in JOBS.iter().filter(|(_, total, _)| !total.is_empty()) {
            assert_eq!(of("auto", &[(index, &(2 + first).to_string()), (total, "3")]), Ok((2, 3)), "{index}");
        }
        for wrong in ["0/4", "5/4", "4", "a/b", "auto", "auto/x"] {
            assert!(of(wrong, &[]).is_err(), "{wrong}");
        }
        assert!(of("auto", &[("JOB_COMPLETION_INDEX", "0")]).unwrap_err().contains("auto/N"));
        let many = of("auto/2", &[("JOB_COMPLETION_INDEX", "2")]).unwrap_err();
        assert_eq!(many, "this is job 3, and there are only 2 parts");
    }
}
