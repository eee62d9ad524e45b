//! Faults of whole builds: killed at random moments, a full disk, a damaged store, builds at the same time, files that
//! change meanwhile. Whatever happened, the next build leaves the same files and failures as a build from nothing.
//!
//! `KONFIG_FAULTS=500` kills so many builds and does as many of the other things, `KONFIG_FAULTS_SEED` is the seed.
//! `scripts/faults` runs it that way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::exact::{Built, apply, arguments, build, build_fresh, built, copy, number, say};
use crate::laboratory;
use crate::mutants::{Files, Tree};
use crate::repo::{Ran, Repo, files_below, of_project};

/// What somebody has made of an artifact.
const EDITED: &[u8] = b"edited\n";

/// How many faults of a kind a plain run of the tests makes, of which a full run makes 500.
fn times(few: usize) -> usize {
    number("KONFIG_FAULTS", 0).max(few)
}

fn random() -> Rng {
    Rng::with_seed(number("KONFIG_FAULTS_SEED", 1) as u64)
}

/// A monorepo of everything, as the folder `root`.
fn laboratory() -> Repo {
    copy(&laboratory::monorepo().path(""))
}

/// Some change; gives the one that takes it back.
fn change(repo: &Repo, random: &mut Rng) -> (&'static str, Files) {
    let mutation = Tree::read(&repo.path("root")).mutation(random);
    (mutation.name, apply(repo, &mutation.files))
}

/// The next build must leave what a build from nothing leaves, and nothing beside.
fn recovers(repo: &Repo, about: &dyn Fn() -> String) -> Built {
    let fresh = build_fresh(repo);
    let mut after = build(repo, "out", &[]);
    // What somebody has edited stays when its stack goes.
    after.artifacts.retain(|path, bytes| bytes != EDITED || fresh.artifacts.contains_key(path));
    after.assert_same(&fresh, about);
    let kept = files_below(&repo.path("root/.konfig"));
    assert!(!kept.iter().any(|name| name.ends_with(".tmp")), "{}: {kept:?}", about());
    after
}

/// A store that works makes the next build reuse all, and has nothing to say. What lies where nobody has looked may still
/// be damaged, so that it takes more than one build.
fn works_again(repo: &Repo, about: &dyn Fn() -> String) {
    let works =
        |after: &Built| !after.said.contains("[S0") && !after.status.values().any(|status| status == "built");
    let healed = (0..4).any(|_| works(&recovers(repo, about)));
    assert!(healed, "{}: {}", about(), build(repo, "out", &[]).said);
}

fn start(repo: &Repo, out: &str, more: &[&str]) -> Child {
    let mut command = repo.command(env!("CARGO_BIN_EXE_konfig"), &arguments(out, more));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("konfig starts")
}

fn finish(child: Child) -> Ran {
    child.wait_with_output().expect("konfig ends").into()
}

/// Starts a build and kills it after a while; whether that ended it.
fn kill(repo: &Repo, after: Duration) -> bool {
    let mut child = start(repo, "out", &[]);
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    thread::sleep(after);
    child.kill().expect("a child to kill");
    finish(child).code.is_none()
}

/// Makes work for the next build besides a change of sources; gives what was done.
fn disturb(repo: &Repo, random: &mut Rng) -> &'static str {
    match random.u8(..5) {
        0 => {
            for name in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"] {
                fs::remove_file(repo.path("root/.konfig").join(name)).ok();
            }
            "no store"
        }
        1 => {
            for artifact in files_below(&repo.path("out")) {
                match random.u8(..3) {
                    0 => fs::remove_file(repo.path("out").join(artifact)).expect("an artifact"),
                    1 => repo.write(&format!("out/{artifact}"), EDITED),
                    _ => {}
                }
            }
            "other artifacts"
        }
        2 => {
            fs::remove_dir_all(repo.path("root/.konfig")).ok();
            fs::remove_dir_all(repo.path("out")).ok();
            "nothing left"
        }
        _ => "",
    }
}

fn kills(name: &str, root: &Path, times: usize) {
    let (repo, mut random) = (copy(root), random());
    let began = Instant::now();
    build(&repo, "out", &[]);
    let (cold, mut warm) = (began.elapsed(), Duration::ZERO);
    let (mut hit, mut midway) = (0, 0);
    for number in 0..times {
        let (changed, undo) = change(&repo, &mut random);
        let disturbed = disturb(&repo, &mut random);
        let whole = if disturbed.is_empty() && !warm.is_zero() { warm } else { cold };
        hit += usize::from(kill(&repo, whole.mul_f64(random.f64() * 1.2)));
        midway += usize::from(repo.read("root/.konfig/journal").is_some_and(|text| !text.is_empty()));
        // What the killed build has written may be of stacks that are gone when the next one starts.
        let undone = random.bool();
        if undone {
            apply(&repo, &undo);
        }
        let about = || format!("{name}: kill {number} after {changed}, {disturbed}, undone: {undone}");
        let began = Instant::now();
        let after = recovers(&repo, &about);
        warm = began.elapsed() / 2;
        assert!(!after.said.contains("[S0"), "{}: {}", about(), after.said);
        assert_eq!(repo.read("root/.konfig/journal").as_deref(), Some(""), "{}", about());
        apply(&repo, &undo);
    }
    say(&format!("{name}: {times} builds killed, {hit} of them before their end, {midway} while they wrote"));
}

#[test]
fn a_build_after_a_killed_one_is_right() {
    let times = times(9);
    kills("laboratory", &laboratory::monorepo().path(""), times - times / 3);
    kills("sample", &of_project("konfig"), times / 3);
}

/// Artifacts of stacks that were added, built by a build that was killed, and removed.
#[test]
fn what_a_killed_build_wrote_is_deleted_when_its_stack_is_gone() {
    let repo = laboratory();
    build(&repo, "out", &[]);
    repo.write("root/apps/new/stack.yaml", b"");
    repo.write("root/apps/new/main.k", b"a = 1\n");
    let state = fs::read(repo.path("root/.konfig/state")).expect("a state");
    build(&repo, "out", &[]);
    // As it is when the build dies before it remembers: an entry, an artifact, and an old state.
    let artifact = repo.path("out/apps/new.yaml");
    let digest = cache::Digest::of(&fs::read(&artifact).expect("an artifact"));
    let entry = format!(
        "\n{{\"path\":\"{}\",\"beside\":\".new.yaml.1.tmp\",\"digest\":\"{digest}\"}}\n",
        artifact.display()
    );
    repo.write("root/.konfig/journal", entry.as_bytes());
    repo.write("root/.konfig/state", &state);
    repo.write("out/apps/.new.yaml.1.tmp", b"a");
    fs::remove_dir_all(repo.path("root/apps/new")).expect("a stack");
    recovers(&repo, &|| "an artifact that nobody remembers".to_owned());
    assert!(!artifact.exists());
}

/// Builds the folder `root`, where no file may grow beyond so many blocks of 512 bytes.
fn build_with_small_files(repo: &Repo, blocks: usize, kills: bool) -> Ran {
    // A process that does not ignore the signal is killed by it.
    let trap = if kills { "" } else { "trap '' XFSZ;" };
    let script = format!("{trap} ulimit -f {blocks}; exec \"$@\"");
    let konfig = env!("CARGO_BIN_EXE_konfig");
    let words = [&["-c", &script, "sh", konfig], &arguments("out", &[])[..]].concat();
    repo.command("sh", &words).output().expect("a shell").into()
}

/// A monorepo whose artifacts take from some bytes to some pages.
fn sizes(text: &str) -> Repo {
    let mut repo = Repo::empty().file("root/konfig.yaml", "");
    for power in 0..7 {
        let main = format!("lines = [\"{text} ${{i}}\" for i in range({})]\n", 4_usize.pow(power));
        repo = repo.stack(&format!("root/apps/a{power}"), &main);
    }
    repo
}

/// After a build that was short of space: each artifact is the old one or the new one, and the failures are told.
fn is_whole(after: &Built, old: &Built, new: &Built, about: &dyn Fn() -> String) {
    for (path, artifact) in new.delivered() {
        let found = after.artifacts.get(&artifact);
        let is_new = found == new.artifacts.get(&artifact);
        assert!(is_new || found == old.artifacts.get(&artifact), "{}: {path} is neither", about());
        let status = after.status[path].as_str();
        assert!(is_new || status == "failed", "{}: {path} is {status}, but old", about());
    }
    let failed = after.status.values().any(|status| status == "failed");
    assert_eq!(failed, after.said.contains("error[B03]: cannot write the artifact: "), "{}", after.said);
    assert!(!after.said.contains("os error"), "{}", after.said);
}

#[test]
fn a_file_that_may_not_grow_costs_what_is_in_it() {
    let (repo, other) = (sizes("old"), sizes("newer"));
    let (old, new) = (build(&repo, "out", &[]), build(&other, "out", &[]));
    let change = Tree::read(&other.path("root")).files;
    let change = change.into_iter().map(|(path, bytes)| (path, Some(bytes))).collect();
    let most = (fs::metadata(repo.path("root/.konfig/store.sqlite")).expect("a store").len() / 512) as usize;
    let number = times(8);
    for at in 0..number {
        // Every limit at first, then wider apart.
        let blocks = if at < number / 2 { at } else { most * (at - number / 2) / (number / 2) };
        for name in ["out", "root/.konfig"] {
            fs::remove_dir_all(repo.path(name)).expect("a folder");
        }
        build(&repo, "out", &[]);
        let undo = apply(&repo, &change);
        let about = || format!("with {blocks} blocks");
        if at % 4 == 3 {
            build_with_small_files(&repo, blocks, true);
        } else {
            let ran = build_with_small_files(&repo, blocks, false);
            is_whole(&built(&repo, "out", ran), &old, &new, &about);
        }
        works_again(&repo, &about);
        apply(&repo, &undo);
    }
}

/// Builds in `small/`, a file system of its own: with plenty of space, with so many kilobytes more after the sources have
/// changed, with plenty again, and from nothing. Only who may mount can do this.
const FULL: &str = r#"
set -e
konfig=$1 free=$2
build() {
    code=0
    "$konfig" build --format json --error-format short --root small/root "$@" >"$name.json" 2>"$name.txt" || code=$?
    echo $code >"$name.code"
}
mkdir small
mount -t tmpfs -o size=64m none small
cp -r old small/root
name=old; build --out small/out
cp -r small/out old.out
cp -r new/. small/root
used=$(df -k --output=used small | tail -n 1)
mount -o remount,size=$((used + free))k small
name=full; build --out small/out
cp -r small/out full.out
mount -o remount,size=64m small
name=after; build --out small/out
cp -r small/out after.out
name=again; build --out small/out
cp -r small/out again.out
name=fresh; build --no-cache --out fresh.out
ls -A small/out/apps small/root/.konfig >left.txt
"#;

fn may_mount(repo: &Repo) -> bool {
    let words = ["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "."];
    repo.command("unshare", &words).output().is_ok_and(|output| output.status.success())
}

/// The build of a name that the script has run.
fn told(repo: &Repo, name: &str) -> Built {
    let text = |kind: &str| repo.read(&format!("{name}.{kind}")).expect("a text");
    let code = text("code").trim().parse().ok();
    built(repo, &format!("{name}.out"), Ran { stdout: text("json"), stderr: text("txt"), code })
}

#[test]
fn a_full_disk_costs_what_does_not_fit() {
    if !may_mount(&Repo::empty()) {
        say("skipped: a disk that is full needs `unshare` and the right to mount");
        return;
    }
    let (old, new) = (sizes("old"), sizes("newer"));
    let number = times(6);
    let mut said = String::new();
    for at in 0..number {
        // What is missing to all that a build writes, in pages.
        let free = 4 * at * 100 / number;
        let repo = Repo::empty();
        for (name, from) in [("old", &old), ("new", &new)] {
            for path in files_below(&from.path("root")) {
                let bytes = fs::read(from.path("root").join(&path)).expect("a source");
                repo.write(&format!("{name}/{path}"), &bytes);
            }
        }
        let free = free.to_string();
        let words = ["--user", "--map-root-user", "--mount", "sh", "-c", FULL, "sh"];
        let words = [&words[..], &[env!("CARGO_BIN_EXE_konfig"), &free]].concat();
        let ran: Ran = repo.command("unshare", &words).output().expect("a shell").into();
        let ran = ran.good();
        let about = || format!("with {free} KB: {}{}", ran.stdout, ran.stderr);
        let fresh = told(&repo, "fresh");
        let full = told(&repo, "full");
        is_whole(&full, &told(&repo, "old"), &fresh, &about);
        told(&repo, "after").assert_same(&fresh, &about);
        let again = told(&repo, "again");
        again.assert_same(&fresh, &about);
        assert!(again.status.values().all(|status| status == "reused"), "{}", about());
        assert!(!again.said.contains("[S0"), "{}", again.said);
        let left = repo.read("left.txt").expect("a list");
        assert!(!left.contains(".tmp"), "{left}");
        said += &full.said;
    }
    for expected in ["error[B03]: cannot write the artifact: no space left on device", "warning[S02]: "] {
        assert!(said.contains(expected), "{said}");
    }
}

/// Builds into `small/`, a file system of its own that has room for two pages more once all artifacts are to change.
const NEARLY_FULL: &str = r#"
set -e
mkdir small
mount -t tmpfs -o size=64m none small
"$1" build --root root --out "$PWD/small" --quiet
cp -r new/. root
used=$(df -k --output=used small | tail -n 1)
mount -o remount,size=$((used + 8))k small
"$1" build --root root --out "$PWD/small"
ls -A small/apps >left.txt
"#;

/// What was replaced makes room where there is none for both.
#[test]
fn a_disk_with_room_for_one_more_has_room_for_all() {
    if !may_mount(&Repo::empty()) {
        say("skipped: a disk that is nearly full needs `unshare` and the right to mount");
        return;
    }
    let mut repo = Repo::empty().file("root/konfig.yaml", "");
    for at in 0..40 {
        repo = repo.stack(&format!("root/apps/a{at}"), "a = 1\n");
        repo.write(&format!("new/apps/a{at}/main.k"), b"a = 2\n");
    }
    let words = ["--user", "--map-root-user", "--mount", "sh", "-c", NEARLY_FULL, "sh"];
    let words = [&words[..], &[env!("CARGO_BIN_EXE_konfig")]].concat();
    let ran: Ran = repo.command("unshare", &words).output().expect("a shell").into();
    let ran = ran.good();
    assert!(ran.stdout.contains("40 built, 0 reused, 0 failed, 40 changed"), "{}{}", ran.stdout, ran.stderr);
    assert!(!repo.read("left.txt").expect("a list").contains(".tmp"));
}

/// Damages the store; gives what was done.
fn damage(repo: &Repo, random: &mut Rng) -> String {
    let name = ["store.sqlite", "store.sqlite", "store.sqlite", "state", "journal"][random.usize(..5)];
    let path = repo.path("root/.konfig").join(name);
    let mut bytes = fs::read(&path).expect("a file");
    let at = random.usize(..=bytes.len());
    let what = match random.u8(..4) {
        0 => {
            bytes.truncate(at);
            format!("cut off at {at}")
        }
        1 => {
            let end = bytes.len().min(at + random.usize(..10_000));
            bytes[at..end].fill_with(|| random.u8(..));
            format!("noise from {at} to {end}")
        }
        _ => {
            let flips = random.usize(1..50).min(bytes.len());
            for _ in 0..flips {
                let at = random.usize(..bytes.len());
                bytes[at] ^= 1 << random.u8(..8);
            }
            format!("{flips} bits flipped")
        }
    };
    fs::write(path, bytes).expect("a file");
    format!("{name}: {what}")
}

#[test]
fn a_build_with_a_damaged_store_is_right() {
    let (repo, mut random) = (laboratory(), random());
    build(&repo, "out", &[]);
    for number in 0..times(8) {
        let (changed, undo) = change(&repo, &mut random);
        // Who has forgotten what was written cannot delete it later.
        let files = ["root/.konfig/state", "root/.konfig/state.more"];
        let state = files.map(|file| fs::read(repo.path(file)).unwrap_or_default());
        let damaged = damage(&repo, &mut random);
        let about = || format!("damage {number} after {changed}: {damaged}");
        let fresh = build_fresh(&repo);
        let mut after = build(&repo, "out", &[]);
        if damaged.starts_with("state") {
            after.artifacts.retain(|path, _| fresh.artifacts.contains_key(path));
            files.iter().zip(&state).for_each(|(file, bytes)| repo.write(file, bytes));
            // With it, nobody would look for what is left.
            fs::remove_file(repo.path("root/.konfig/survey")).unwrap_or_default();
        }
        after.assert_same(&fresh, &about);
        works_again(&repo, &about);
        apply(&repo, &undo);
        recovers(&repo, &about);
    }
}

#[test]
fn a_store_that_cannot_be_used_says_so_once() {
    let repo = laboratory();
    build(&repo, "out", &[]);
    let store = repo.path("root/.konfig/store.sqlite");
    let whole = fs::read(&store).expect("a store");
    let mut older = whole.clone();
    // Where SQLite keeps the version of the tables.
    older[60..64].copy_from_slice(&77_u32.to_be_bytes());
    let cases = [
        (&older[..], "has version 77 instead of 3 and starts empty"),
        (&whole[..whole.len() / 2], "is damaged and starts empty"),
        (b"dear diary", "is damaged and starts empty"),
    ];
    for (bytes, message) in cases {
        fs::write(&store, bytes).expect("a store");
        // With it, nobody would need the store.
        fs::remove_file(repo.path("root/.konfig/survey")).expect("a survey");
        let about = || message.to_owned();
        let after = recovers(&repo, &about);
        assert!(after.said.starts_with("warning[S01]: the store `"), "{}", after.said);
        assert!(after.said.contains(message), "{}", after.said);
        assert!(after.status.values().all(|status| status == "built"), "{}", about());
        let again = recovers(&repo, &about);
        assert_eq!(again.said, "");
        assert!(again.status.values().all(|status| status == "reused"), "{}", about());
    }
}

/// Builds as somebody whom rights stop; `None` where that cannot be.
fn build_without_rights(repo: &Repo) -> Option<Ran> {
    let konfig = env!("CARGO_BIN_EXE_konfig");
    let folder = repo.path("probe");
    fs::create_dir(&folder).expect("a folder");
    allow(&folder, 0o555);
    let stopped = fs::write(folder.join("file"), "").is_err();
    fs::remove_dir_all(&folder).expect("a folder");
    if stopped {
        return Some(repo.konfig(&arguments("out", &[])));
    }
    // Who is root everywhere is not in a world of users where nobody is.
    let able = repo.command("unshare", &["--user", "true"]).output();
    if !able.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let words = [&["--user", konfig], &arguments("out", &[])[..]].concat();
    Some(repo.command("unshare", &words).output().expect("konfig runs").into())
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("rights");
}

#[test]
fn a_build_with_a_store_that_is_read_only_is_right() {
    let repo = laboratory();
    let all = build(&repo, "out", &[]).status.len();
    let (folder, file) = (repo.path("root/.konfig"), repo.path("root/.konfig/store.sqlite"));
    for (number, path) in [&folder, &file].into_iter().enumerate() {
        let mode = fs::metadata(path).expect("a file").permissions().mode();
        repo.write("root/apps/p0/dev/main.k", format!("a = {number}\n").as_bytes());
        allow(path, mode & 0o555);
        let ran = build_without_rights(&repo);
        allow(path, mode);
        let Some(ran) = ran else {
            say("skipped: root may write everywhere, and `unshare` cannot change that here");
            return;
        };
        let after = built(&repo, "out", ran);
        after.assert_same(&build_fresh(&repo), &|| path.display().to_string());
        assert!(after.said.starts_with("warning[S01]: the store `"), "{}", after.said);
        assert!(after.said.contains("` can only be read: "), "{}", after.said);
        let reused = after.status.values().filter(|status| *status == "reused").count();
        assert_eq!(reused, all - 1, "what was known is reused");
        works_again(&repo, &|| path.display().to_string());
    }
}

#[test]
fn what_is_in_the_way_of_the_store_is_told_and_harmless() {
    let repo = laboratory();
    let place = repo.path("root/.konfig");
    let file: fn(&Path) = |place| fs::write(place, "mine").expect("a file");
    let link: fn(&Path) = |place| std::os::unix::fs::symlink("nowhere/at/all", place).expect("a link");
    let folder: fn(&Path) = |place| fs::create_dir_all(place.join("mine")).expect("a folder");
    let cases = [
        ("", file, "warning[S01]: the store"),
        ("", link, "warning[S01]: the store"),
        ("store.sqlite", folder, "warning[S01]: the store"),
        ("state", folder, "warning[S02]: cannot remember what files were like: "),
        ("journal", folder, ""),
        ("state.lock", folder, ""),
    ];
    for (name, block, message) in cases {
        let about = || format!("something at .konfig/{name}");
        fs::remove_file(&place).or_else(|_| fs::remove_dir_all(&place)).ok();
        let at = if name.is_empty() { place.clone() } else { place.join(name) };
        fs::create_dir_all(at.parent().expect("a folder above")).expect("a folder");
        block(&at);
        for _ in 0..2 {
            let after = recovers(&repo, &about);
            assert!(after.said.starts_with(message), "{}: {}", about(), after.said);
            assert_eq!(after.said.is_empty(), message.is_empty(), "{}: {}", about(), after.said);
            assert!(!after.said.contains("os error"), "{}", after.said);
        }
        fs::remove_file(&at).or_else(|_| fs::remove_dir_all(&at)).expect("it goes");
        recovers(&repo, &about);
        works_again(&repo, &about);
    }
}

/// A link to a folder elsewhere is as good as a folder.
#[test]
fn the_store_may_be_elsewhere() {
    let repo = laboratory();
    fs::create_dir(repo.path("elsewhere")).expect("a folder");
    std::os::unix::fs::symlink("../elsewhere", repo.path("root/.konfig")).expect("a link");
    recovers(&repo, &|| "a link".to_owned());
    works_again(&repo, &|| "a link".to_owned());
    assert!(repo.has("elsewhere/store.sqlite"));
}

#[test]
fn an_output_folder_that_is_a_file_fails_and_one_that_is_gone_is_made() {
    let repo = laboratory();
    recovers(&repo, &|| "at first".to_owned());
    fs::remove_dir_all(repo.path("out")).expect("a folder");
    recovers(&repo, &|| "without the folder".to_owned());
    fs::remove_dir_all(repo.path("out")).expect("a folder");
    repo.write("out", b"mine");
    let ran = repo.konfig(&arguments("out", &[])).exits(1);
    ran.says("out/apps/p0/dev.yaml: error[B03]: cannot write the artifact: not a directory\n");
    assert_eq!(repo.read("out").as_deref(), Some("mine"));
    fs::remove_file(repo.path("out")).expect("a file");
    recovers(&repo, &|| "after a file".to_owned());
}

#[test]
fn builds_at_the_same_time_are_right() {
    let (repo, mut random) = (laboratory(), random());
    for round in 0..times(3) {
        let about = || format!("round {round}");
        let (_, undo) = change(&repo, &mut random);
        if random.bool() {
            fs::remove_dir_all(repo.path("root/.konfig")).ok();
            fs::remove_dir_all(repo.path("out")).ok();
        }
        let fresh = build_fresh(&repo);
        let together: Vec<Child> = (0..3).map(|_| start(&repo, "out", &[])).collect();
        let ended: Vec<Ran> = together.into_iter().map(finish).collect();
        for ran in ended {
            built(&repo, "out", ran).assert_same(&fresh, &about);
        }
        works_again(&repo, &about);
        apply(&repo, &undo);
    }
}

/// Builds of different stacks at the same time both remember what they wrote.
#[test]
fn builds_of_parts_at_the_same_time_do_not_forget_each_other() {
    let repo = laboratory();
    for round in 0..times(3) {
        let about = || format!("round {round}");
        let names: Vec<String> = (0..3).map(|part| format!("apps/new{part}")).collect();
        for name in &names {
            repo.write(&format!("root/{name}/stack.yaml"), b"");
            repo.write(&format!("root/{name}/main.k"), format!("a = {round}\n").as_bytes());
        }
        let together: Vec<Child> = names.iter().map(|name| start(&repo, "out", &[name])).collect();
        for child in together {
            finish(child).good();
        }
        for name in &names {
            assert_eq!(repo.read(&format!("out/{name}.yaml")), Some(format!("a: {round}\n")));
            fs::remove_dir_all(repo.path("root").join(name)).expect("a stack");
        }
        recovers(&repo, &about);
    }
}

#[test]
fn checkouts_that_share_a_store_build_at_the_same_time() {
    let (shared, mut random) = (Repo::empty(), random());
    let folder = shared.path("store").to_string_lossy().into_owned();
    let repos = [laboratory(), laboratory()].map(|repo| repo.env("KONFIG_CACHE_DIR", &folder));
    for round in 0..times(3) {
        let about = || format!("round {round}");
        let undo = repos.each_ref().map(|repo| change(repo, &mut random).1);
        let together = repos.each_ref().map(|repo| [start(repo, "out", &[]), start(repo, "out", &[])]);
        let ended = together.map(|children| children.map(finish));
        for (repo, ended) in repos.iter().zip(ended) {
            let fresh = build_fresh(repo);
            for ran in ended {
                built(repo, "out", ran).assert_same(&fresh, &about);
            }
            works_again(repo, &about);
        }
        for (repo, undo) in repos.iter().zip(undo) {
            apply(repo, &undo);
        }
    }
    // What a checkout remembers for itself is kept from git too.
    assert_eq!(repos[0].read("root/.konfig/.gitignore").as_deref(), Some("*\n"));
}

/// Files that are rewritten all the time, with the two texts that they have in turn; none is no file.
fn restless(repo: &Repo) -> Vec<(String, [Option<Vec<u8>>; 2])> {
    let edits = [
        ("lib/sizes/sizes.k", "small = 10", "small = 11"),
        ("lib/names/names.k", "\"the\"", "\"that\""),
        ("lib/model/model.k", "note: str = n", "note: str = \"n\""),
        ("lib/files/data/text.txt", "some", "other"),
        ("apps/p0/dev/main.k", "name = \"a\"", "name = \"aa\""),
        ("apps/p1/dev/kcl.yaml", "main.k", "./main.k"),
    ];
    let edited = edits.map(|(path, from, to)| {
        let text = repo.read(&format!("root/{path}")).expect("a source");
        assert!(text.contains(from), "{path}");
        (path.to_owned(), [Some(text.replace(from, to).into_bytes()), Some(text.into_bytes())])
    });
    let appearing = ["lib/files/data/absent.txt", "lib/files/data/two.yaml", "lib/sizes/more.k"];
    let appearing = appearing.map(|path| (path.to_owned(), [None, Some(b"more_of_it = 1\n".to_vec())]));
    edited.into_iter().chain(appearing).collect()
}

fn put(repo: &Repo, path: &str, text: Option<&[u8]>, at_once: bool) {
    let place = repo.path("root").join(path);
    match text {
        None => fs::remove_file(place).unwrap_or_default(),
        Some(text) if at_once => {
            let beside = repo.path("beside");
            fs::write(&beside, text).and_then(|()| fs::rename(beside, place)).expect("a file");
        }
        Some(text) => fs::write(place, text).expect("a file"),
    }
}

#[test]
fn files_that_change_during_a_build_do_no_harm_later() {
    let (repo, mut random) = (laboratory(), random());
    let files = restless(&repo);
    build(&repo, "out", &[]);
    for round in 0..times(4) {
        let about = || format!("round {round}");
        let (stop, seed) = (AtomicBool::new(false), random.u64(..));
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut random = Rng::with_seed(seed);
                while !stop.load(Ordering::Relaxed) {
                    let (path, texts) = &files[random.usize(..files.len())];
                    let text = texts[random.usize(..2)].as_deref();
                    put(&repo, path, text, random.bool());
                }
            });
            let ran = finish(start(&repo, "out", &[]));
            stop.store(true, Ordering::Relaxed);
            assert!(matches!(ran.code, Some(0..=2)), "{}: {}", about(), ran.stderr);
        });
        // Whatever was read: both states of each file must come out right.
        let which: Vec<usize> = files.iter().map(|_| random.usize(..2)).collect();
        for flip in 0..2 {
            for ((path, texts), which) in files.iter().zip(&which) {
                put(&repo, path, texts[which ^ flip].as_deref(), true);
            }
            recovers(&repo, &about);
        }
    }
}
