//! A process that is killed while it writes leaves a store that holds all that it has committed.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use cache::{Batch, Digest, Store};

/// Tells the test binary that it is the child, and where the store is.
const CHILD: &str = "CACHE_TEST_CHILD";

fn entries(commit: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..20).map(move |number| {
        let mut random = fastrand::Rng::with_seed(commit * 100 + number);
        std::iter::repeat_with(|| random.u8(..)).take(3000).collect()
    })
}

/// Commits until it is killed, and says the number of each commit that is done.
#[test]
fn child() {
    let Some(folder) = env::var_os(CHILD) else { return };
    let (store, _) = Store::open_with(Path::new(&folder), 4_000_000);
    for commit in 0.. {
        let mut batch = Batch::default();
        for bytes in entries(commit) {
            let digest = batch.blob(&bytes);
            batch.record(digest, bytes);
        }
        store.commit(batch, commit).expect("written");
        let mut out = io::stdout().lock();
        writeln!(out, "\ncommitted {commit}").and_then(|()| out.flush()).expect("somebody who reads");
    }
}

#[test]
fn a_killed_process_loses_nothing() {
    for patience in [0, 3, 10, 25, 60] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "child", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let commits =
            lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("committed ")?.parse().ok());
        let last: u64 = commits.take(patience + 1).last().expect("a commit");
        // It is in the middle of a later one.
        child.kill().and_then(|()| child.wait()).expect("a child to kill");

        let (store, notices) = Store::open(folder.path());
        assert_eq!(notices, []);
        for bytes in entries(last) {
            let digest = Digest::of(&bytes);
            assert_eq!(store.blob(&digest).as_ref(), Some(&bytes));
            assert_eq!(store.records(&digest), [bytes]);
        }
        let verified = store.verify().expect("verified");
        assert_eq!((verified.damaged_blobs, verified.damaged_records, verified.rebuilt), (0, 0, false));
    }
}
