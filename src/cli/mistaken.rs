//! Names in a profile that the server does not know: told, as they may be mistyped.

use serde_json::Value;

use crate::catalogue::did_you_mean;
use crate::runner::{Profile, Surface};

/// A sentence for each tool and each prompt that the profile tells about and the server never offered.
pub fn names(profile: &Profile, surfaces: &[&Surface]) -> Vec<String> {
    // Such tools need something from the client, and may be offered only where it declares that.
    let asks = |name: &str| {
        let known = profile.tools.get(name);
        known.is_some_and(|it| it.gives_up.is_some() || it.reads.is_some() || it.remembers || it.once)
    };
    let tools = unknown("tool", "tools", profile.tools.keys(), surfaces, asks);
    let prompts = unknown("prompt", "prompts", profile.prompts.keys(), surfaces, |_| false);
    tools.into_iter().chain(prompts).collect()
}

fn unknown<'p>(
    what: &str,
    list: &str,
    named: impl Iterator<Item = &'p String>,
    surfaces: &[&Surface],
    asks: impl Fn(&str) -> bool,
) -> Vec<String> {
    // A server that lists nothing may still know the name.
    let lists: Vec<&Vec<Value>> =
        surfaces.iter().filter_map(|surface| surface.value[list].as_array()).collect();
    if lists.is_empty() {
        return Vec::new();
    }
    let offered: Vec<&str> = lists.into_iter().flatten().filter_map(|thing| thing["name"].as_str()).collect();
    let mut unknown: Vec<&String> = named.filter(|name| !offered.contains(&name.as_str())).collect();
    unknown.sort();
    let told = unknown.into_iter().map(|name| {
        let meant = did_you_mean(name, offered.iter().copied());
        let to = if asks(name) { " to a client that declares nothing" } else { "" };
        format!("the profile tells about the {what} `{name}`, which the server does not offer{to}{meant}")
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Revision;
    use serde_json::json;

    #[test]
    fn what_no_revision_offers_is_told() {
        let profile =
            Profile::parse("[tools.ecko]\nallow = true\n[tools.old]\nallow = true\n[prompts.greet]\n");
        let profile = profile.unwrap();
        let surface = |tool: &str| Surface {
            revision: Revision::V2025_11_25,
            transport: "stdio",
            value: json!({"tools": [{"name": tool}]}).into(),
        };
        let (new, old) = (surface("echo"), surface("old"));
        let told = names(&profile, &[&new, &old]);
        assert!(told.len() == 1 && told[0].contains("`ecko`") && told[0].contains("mean echo?"), "{told:?}");
        assert!(names(&profile, &[]).is_empty(), "nothing is known of a server that was not seen");
    }
}
