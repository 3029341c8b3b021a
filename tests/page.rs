//! The HTML report in a real browser. Chromium must be installed: Debian's package is `chromium`; `CHROMIUM` names another
//! program.

mod recorded;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcp_conform::report::Format;
use recorded::extreme::{CHARMS, many, stream};
use recorded::{recorded, written};

/// The page in a real browser, at a fragment; `more` is put before the end of the body.
fn dom(name: &str, page: &str, fragment: &str, more: &str) -> String {
    let file = folder().join(format!("{name}.html"));
    fs::write(&file, page.replace("</body>", &format!("{more}</body>"))).expect("a file");
    let output = chromium().arg("--dump-dom").arg(format!("file://{}#{fragment}", file.display())).output();
    String::from_utf8_lossy(&output.expect("chromium is missing: install it").stdout).into_owned()
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn chromium() -> Command {
    let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    let mut command = Command::new(program);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--hide-scrollbars",
        "--virtual-time-budget=3000",
    ]);
    command
}

/// The opening tags with this attribute that are not hidden.
fn visible<'d>(dom: &'d str, with: &str) -> Vec<&'d str> {
    let tags = dom.split('<').map(|rest| rest.split('>').next().unwrap_or_default());
    tags.filter(|tag| tag.contains(with) && !tag.contains(" hidden=")).collect()
}

#[test]
fn a_browser_builds_no_node_from_what_a_server_says() {
    let page = written(Format::Html, &stream(&CHARMS.concat()), false);
    let probe = "<script>document.title = document.querySelectorAll('img, script, iframe, svg, [onload], [onerror], [onfocus]').length</script>";
    // The policy would not let the probe run.
    let open = page.replace("Content-Security-Policy", "x-none");
    let dom = dom("hostile", &open, "", probe);
    assert!(dom.contains("<title>2</title>"), "the two scripts are ours: {dom}");
}

#[test]
fn the_policy_of_the_page_lets_its_own_script_run_and_nothing_else() {
    let page = written(Format::Html, &recorded(), false);
    let dom = dom("policy", &page, "", "<script>document.title = 'injected'</script>");
    assert!(!dom.contains("<title>injected"), "a foreign script ran");
    assert!(dom.contains("of 15 checks") || dom.contains(" checks</output>"), "our script did not run");
    assert!(!visible(&dom, "id=\"filter\"").is_empty(), "the filter is not shown");
}

#[test]
fn a_fragment_filters_the_page() {
    let page = written(Format::Html, &recorded(), false);
    let dom = dom("fragment", &page, "verdict=warn", "");
    let shown = visible(&dom, "data-verdict=");
    assert!(!shown.is_empty() && shown.iter().all(|tag| tag.contains("warn")), "{shown:?}");
    assert!(dom.contains("data-value=\"warn\" aria-pressed=\"true\""), "the button is not pressed");
}

#[test]
fn a_click_filters_the_page_and_another_shows_everything() {
    let page = written(Format::Html, &recorded(), false).replace("Content-Security-Policy", "x-none");
    let click = |selector: &str| format!("document.querySelector('{selector}').click();");
    let once = format!("<script>{}</script>", click("[data-value=fail]"));
    let filtered = dom("click", &page, "", &once);
    let shown = visible(&filtered, "data-verdict=");
    assert!(!shown.is_empty() && shown.iter().all(|tag| tag.contains("fail")), "{shown:?}");
    let twice = format!("<script>{}</script>", click("[data-value=fail]").repeat(2));
    let again = dom("twice", &page, "", &twice);
    assert!(visible(&again, "data-verdict=").len() > shown.len());
    let cell = format!("<script>{}</script>", click("#overview td a"));
    let of_area = dom("cell", &page, "", &cell);
    assert!(
        visible(&of_area, "<tr data-verdict=").len() < visible(&again, "<tr data-verdict=").len()
            || of_area.contains("id=\"within\">in ")
    );
}

#[test]
fn five_thousand_checks_are_filtered() {
    let page = written(Format::Html, &many(5_000), false);
    let dom = dom("many", &page, "verdict=warn", "");
    let rows = visible(&dom, "<tr data-verdict=");
    assert!(dom.contains("1 of 5013 checks"), "{rows:?}");
}

#[test]
fn a_screenshot_can_be_taken() {
    let file = folder().join("report.html");
    fs::write(&file, written(Format::Html, &recorded(), false)).expect("a file");
    let picture = folder().join("report.png");
    let taken = chromium()
        .args(["--window-size=1200,2400", &format!("--screenshot={}", picture.display())])
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("chromium is missing: install it");
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    assert!(fs::metadata(&picture).expect("a picture").len() > 20_000, "the picture is empty");
}
