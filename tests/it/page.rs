//! `konfig build --report FILE.html`: a page of its own, as text and in Chromium.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::git::{commit, committed};
use crate::repo::Repo;

/// What wants to get out of its place: out of text, out of an attribute, out of a block.
const HOSTILE: &str = "<img src=x onerror=hacked()><script>hacked()</script>\\\"'></pre></details></style>";

/// A change in a monorepo: a stack that differs, one that fails, one that is hostile, and secrets.
fn demo() -> Option<Repo> {
    let resource = |kind: &str, name: &str, more: &str| {
        format!("apiVersion = \"v1\"\nkind = \"{kind}\"\nmetadata = {{name = \"{name}\"}}\n{more}\n")
    };
    let shop = resource("Deployment", "web", "spec = {replicas = 1, note = \"one\"}");
    let secret = resource("Secret", "login", "data = {login = \"b2xkZXItb25l\"}");
    let repo = committed(
        Repo::monorepo()
            .file("apps/shop/project.yaml", "name: shop\n")
            .stack("apps/shop/dev", &shop)
            .stack("apps/shop/bad", "apple = 1\nx = apple\n")
            .stack("apps/login", &secret)
            .stack("apps/<b>&amp;", "x = 1\n"),
    )?;
    repo.konfig(&["build"]).good();
    let write = |path: &str, text: &str| repo.write(path, text.as_bytes());
    write(
        "apps/shop/dev/main.k",
        &resource("Deployment", "web", &format!("spec = {{replicas = 2, note = \"{HOSTILE}\"}}")),
    );
    write("apps/shop/bad/main.k", "apple = 1\npassword = \"hunter2hunter2\" + aple\n");
    write("apps/login/main.k", &resource("Secret", "login", "data = {login = \"bmV3ZXItb25l\"}"));
    write("apps/<b>&amp;/main.k", &format!("assert False, \"{HOSTILE}\"\n"));
    Some(repo)
}

fn page(repo: &Repo) -> String {
    repo.read("page.html").expect("a page")
}

#[test]
fn a_page_has_what_differs_and_what_is_wrong() {
    let Some(repo) = demo() else { return };
    repo.konfig(&["build", "--affected", "--report", "page.html"]).exits(1);
    let page = page(&repo);
    let parts = [
        "<li class=\"stacks\"><b>4</b> stacks</li>",
        "<li class=\"failed\"><b>2</b> failed</li>",
        "What is wrong",
        "<code>apps/shop/bad/main.k:2:31</code>",
        "Affected stacks by reason",
        "its own statements changed",
        "2 stacks: 0 added, 2 changed, 0 removed",
        "<code>v1:Deployment:web</code>",
        "<div>spec.replicas</div><div class=\"old\">  - 1</div><div class=\"new\">  + 2</div>",
        "Time line",
        "Slowest stacks",
        "<summary>2 projects</summary>",
    ];
    for part in parts {
        assert!(page.contains(part), "`{part}` is not in\n{page}");
    }
}

#[test]
fn a_page_without_a_revision_has_what_the_build_wrote() {
    let Some(repo) = demo() else { return };
    repo.konfig(&["build", "--report", "page.html"]).exits(1);
    let text = page(&repo);
    assert!(text.contains("<div>spec.replicas</div>"), "{text}");
    // Nothing happens a second time, but for what fails.
    repo.konfig(&["build", "apps/shop/dev", "--report", "page.html"]).good();
    let text = page(&repo);
    assert!(text.contains("0 stacks: 0 added") && !text.contains("What is wrong"), "{text}");
    repo.konfig(&["build", "--check", "--report", "page.html"]).exits(1);
    assert!(!page(&repo).contains("What differs"));
}

#[test]
fn names_and_values_are_text() {
    let Some(repo) = demo() else { return };
    repo.konfig(&["build", "--report", "page.html"]).exits(1);
    let page = page(&repo);
    for tag in ["<img", "<script", "<b>&amp;<", "http://", "https://", "@import", "url(", " href", " src="] {
        assert!(
            !page.contains(tag) || tag == " src=" && page.contains("&lt;img src="),
            "`{tag}` is in the page"
        );
    }
    assert!(page.contains("apps/&lt;b&gt;&amp;amp;"), "{page}");
    assert!(page.contains("default-src 'none'"), "{page}");
}

#[test]
fn secrets_are_not_on_the_page() {
    let Some(repo) = demo() else { return };
    let arguments = ["build", "--report", "page.html", "--junit", "report.xml", "--format", "json"];
    let ran = repo.konfig(&arguments).exits(1);
    let reports = [page(&repo), repo.read("report.xml").expect("a report"), ran.stdout, ran.stderr];
    for text in &reports {
        for secret in ["b2xkZXItb25l", "bmV3ZXItb25l", "newer-one", "hunter2"] {
            assert!(!text.contains(secret), "`{secret}` is in\n{text}");
        }
    }
    assert!(reports[0].contains("(secret)"), "{}", reports[0]);
}

#[test]
fn pages_stay_small() {
    let repo = (0..600).fold(Repo::monorepo(), |repo, n| {
        let stack = format!("p{}/s{n:04}", n / 3);
        let main = if n % 2 == 0 { "x = 1\n" } else { "apple = 1\nx = aple\n" };
        repo.stack(&stack, main).file(&format!("p{}/project.yaml", n / 3), "")
    });
    repo.konfig(&["build", "--report", "page.html"]).exits(1);
    let page = page(&repo);
    assert!(page.len() < 400_000, "{} bytes", page.len());
    for part in ["and 200 more", "and 150 more", "200 projects", "and 100 that are not shown"] {
        assert!(page.contains(part), "`{part}` is not in the page");
    }
}

#[test]
fn a_page_that_cannot_be_written_is_refused() {
    let repo = Repo::monorepo().stack("a", "x = 1\n").file("file", "");
    repo.konfig(&["build", "--report", "file/page.html"])
        .exits(2)
        .says("cannot write the page to `file/page.html`");
}

/// Chromium, if it is here; says so if not.
fn chromium() -> Option<&'static str> {
    let runs = |name: &&str| {
        Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(runs);
    if found.is_none() {
        writeln!(std::io::stderr(), "skipped: Chromium is not here").ok();
    }
    found
}

/// What Chromium has made of a page: its elements as text.
fn shown(chromium: &str, profile: &Path, page: &Path) -> String {
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        // The page around this one has to look into it.
        .args(["--allow-file-access-from-files", "--window-size=800,844", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .env("HOME", profile)
        .stdin(Stdio::null())
        .output()
        .expect("Chromium runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A page that looks at another one through a window as wide as a phone's, and says what it sees.
const AROUND: &str = "<!DOCTYPE html><meta charset=utf-8>
<iframe id=phone width=390 height=844 frameborder=0 src=page.html></iframe><pre id=seen></pre>
<script>
addEventListener('load', () => {
    const phone = document.getElementById('phone'), inner = phone.contentDocument;
    for (const details of inner.querySelectorAll('details')) details.open = true;
    const wide = [...inner.body.querySelectorAll('*')].filter(it =>
        !it.closest('pre') && !it.closest('svg') && it.getBoundingClientRect().right > 390.5);
    const seen = {
        width: inner.documentElement.scrollWidth,
        wide: wide.map(it => it.tagName).join(),
        headings: [...inner.querySelectorAll('h2')].map(it => it.textContent).join(),
        foreign: inner.querySelectorAll('script, img, iframe, link, object, base, form, a').length,
        requests: phone.contentWindow.performance.getEntriesByType('resource').length,
        bars: inner.querySelectorAll('svg.timeline rect').length,
        drawn: inner.querySelector('svg.timeline').getBoundingClientRect().width > 200,
        hacked: typeof phone.contentWindow.hacked,
    };
    document.getElementById('seen').textContent = JSON.stringify(seen);
});
</script>
";

#[test]
fn chromium_shows_it_on_a_phone() {
    let Some(chromium) = chromium() else { return };
    let Some(repo) = demo() else { return };
    let long = format!("apps/{}", "a-name-that-is-quite-long-".repeat(8));
    let repo = repo.stack(&long, "x = 1\n");
    commit(&repo);
    repo.write(&format!("{long}/main.k"), format!("x = \"{}\"\n", "long".repeat(200)).as_bytes());
    repo.konfig(&["build", "--report", "page.html"]).exits(1);
    repo.write("around.html", AROUND.as_bytes());
    let dom = shown(chromium, &repo.path("profile"), &repo.path("around.html"));
    let seen = dom.split("<pre id=\"seen\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let seen = seen.unwrap_or_else(|| panic!("nothing was seen:\n{dom}"));
    let seen: serde_json::Value = serde_json::from_str(seen).unwrap_or_else(|_| panic!("{dom}"));
    // Nothing leads out of sight; what is missing to 390 is the bar to scroll down with.
    assert!((300..=390).contains(&seen["width"].as_i64().unwrap_or_default()), "{seen}");
    assert_eq!(seen["wide"], "", "{seen}");
    assert_eq!(seen["foreign"], 0, "{seen}");
    assert_eq!(seen["requests"], 0, "{seen}");
    assert_eq!(seen["hacked"], "undefined", "{seen}");
    assert_eq!(seen["drawn"], true, "{seen}");
    assert!(seen["bars"].as_u64() > Some(4), "{seen}");
    let headings = "What is wrong,What differs,Time line,Slowest stacks,Projects,Failed stacks";
    assert_eq!(
        seen["headings"].as_str().map(|it| it.replace("Why stacks were built,", "")).as_deref(),
        Some(headings)
    );
    fs::remove_dir_all(repo.path("profile")).ok();
}
