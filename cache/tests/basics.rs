//! What a sound store does.

use cache::{Batch, Digest, Store};
use tempfile::{TempDir, tempdir};

const DAY: u64 = 86_400;

fn folder() -> TempDir {
    tempdir().expect("a folder")
}

fn opened(folder: &TempDir) -> Store {
    let (store, notices) = Store::open(folder.path());
    assert_eq!(notices, []);
    store
}

fn key(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn values(store: &Store, name: &str) -> Vec<String> {
    let values = store.records(&key(name)).into_iter();
    values.map(|value| String::from_utf8(value).expect("a text")).collect()
}

fn record(store: &Store, name: &str, value: &str, now: u64) {
    let mut batch = Batch::default();
    batch.record(key(name), value);
    store.commit(batch, now).expect("written");
}

/// Bytes that do not compress.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

#[test]
fn what_is_put_in_comes_out_here_and_in_the_next_process() {
    let folder = folder();
    let store = opened(&folder);
    let mut batch = Batch::default();
    let blobs = [&b""[..], b"a: 1\n", &[7; 1_000_000]];
    let digests = blobs.map(|bytes| batch.blob(bytes));
    batch.record(key("a"), "trace");
    store.commit(batch, 0).expect("written");
    for store in [&store, &opened(&folder)] {
        for (digest, bytes) in digests.iter().zip(blobs) {
            assert_eq!(*digest, Digest::of(bytes));
            assert!(store.has_blob(digest));
            assert_eq!(store.blob(digest).as_deref(), Some(bytes));
        }
        let mut sorted = digests.to_vec();
        sorted.sort();
        assert_eq!(store.blob_digests(), sorted);
        assert_eq!(values(store, "a"), ["trace"]);
        let none = key("none");
        assert_eq!((store.has_blob(&none), store.blob(&none)), (false, None));
        assert_eq!(store.records_of(&[none, key("a")]), [vec![], vec![b"trace".to_vec()]]);
    }
}

#[test]
fn the_beginning_of_a_digest_finds_the_whole() {
    let folder = folder();
    let store = opened(&folder);
    let mut batch = Batch::default();
    let digests: Vec<Digest> = (0..20).map(|seed| batch.blob(&noise(seed, 100))).collect();
    store.commit(batch, 1).expect("committed");
    for digest in digests {
        assert_eq!(store.digest_of(&digest.short()), Some(digest));
        let mut other = digest.short();
        other[11] ^= 1;
        assert_eq!(store.digest_of(&other), None);
    }
}

#[test]
fn git_ignores_the_folder() {
    let folder = folder();
    let (_store, notices) = Store::open(&folder.path().join("a/b"));
    assert_eq!(notices, []);
    let ignore = std::fs::read_to_string(folder.path().join("a/b/.gitignore"));
    assert_eq!(ignore.expect("a file"), "*\n");
}

#[test]
fn a_key_has_eight_values_newest_first() {
    let folder = folder();
    let store = &opened(&folder);
    for number in 0..12 {
        record(store, "a", &number.to_string(), 0);
    }
    assert_eq!(values(store, "a"), ["11", "10", "9", "8", "7", "6", "5", "4"]);
    record(store, "a", "7", 0);
    record(store, "a", "7", 0);
    assert_eq!(values(store, "a"), ["7", "11", "10", "9", "8", "6", "5", "4"]);
    assert_eq!(store.stats().records, 8);
}

#[test]
fn batches_join_and_the_later_one_is_newer() {
    let folder = folder();
    let store = &opened(&folder);
    let (mut first, mut second) = (Batch::default(), Batch::default());
    assert_eq!(first.blob(b"x"), second.blob(b"x"));
    first.blob(b"x");
    first.record(key("a"), "first");
    second.record(key("a"), "second");
    second.blob(b"y");
    first.extend(second);
    store.commit(first, 0).expect("written");
    assert_eq!(values(store, "a"), ["second", "first"]);
    assert_eq!(store.stats().blobs, 2);
}

#[test]
fn what_is_used_stays_and_the_oldest_goes() {
    let folder = folder();
    let store = &opened(&folder);
    let mut digests = Vec::new();
    for number in 0..100 {
        let mut batch = Batch::default();
        digests.push(batch.blob(&noise(number, 10_000)));
        batch.record(digests[number as usize], noise(1_000 + number, 1_000));
        store.commit(batch, number).expect("written");
    }
    let mut batch = Batch::default();
    digests[..10].iter().for_each(|digest| batch.used(*digest));
    store.commit(batch, 2 * DAY).expect("written");
    let before = store.stats();
    let collected = store.gc(before.bytes_in_use / 2).expect("collected");
    let after = store.stats();
    assert_eq!(after.blobs + collected.blobs, 100);
    assert_eq!(after.records + collected.records, 100);
    assert!(after.bytes_in_use <= before.bytes_in_use / 2);
    assert!(after.bytes_in_use >= before.bytes_in_use / 3, "no more than needed: {after:?}");
    assert!(after.bytes_on_disk < before.bytes_on_disk * 2 / 3, "{before:?} {after:?}");
    let kept: Vec<usize> = (0..100).filter(|at| store.has_blob(&digests[*at])).collect();
    let first = kept[10];
    assert_eq!(kept, (0..10).chain(first..100).collect::<Vec<_>>());
    for at in kept {
        assert_eq!(store.blob(&digests[at]), Some(noise(at as u64, 10_000)));
    }
    store.gc(0).expect("collected");
    assert_eq!((store.stats().blobs, store.stats().records), (0, 0));
}

#[test]
fn commits_keep_the_limit() {
    let folder = folder();
    let (store, _) = Store::open_with(folder.path(), 1_000_000);
    let mut last = None;
    for number in 0..300 {
        let mut batch = Batch::default();
        last = Some(batch.blob(&noise(number, 10_000)));
        store.commit(batch, number).expect("written");
        assert!(store.stats().bytes_in_use <= 1_000_000);
    }
    assert!(store.has_blob(&last.expect("a digest")));
    assert!(store.stats().blobs > 60);
    assert!(store.stats().bytes_on_disk < 1_200_000 + (16 << 20));
}

#[test]
fn a_use_is_noted_once_a_day() {
    let folder = folder();
    let (store, other) = (opened(&folder), opened(&folder));
    record(&store, "a", "x", 10 * DAY);
    let log = || std::fs::metadata(folder.path().join("store.sqlite-wal")).expect("a log").len();
    let use_at = |now| {
        let before = log();
        let mut batch = Batch::default();
        batch.used(key("a"));
        other.commit(batch, now).expect("written");
        log() > before
    };
    assert!(!use_at(10 * DAY + 100));
    assert!(use_at(12 * DAY));
    assert!(!use_at(12 * DAY + 100));
    assert!(use_at(5 * DAY), "a clock that was wrong is set right");
}

#[test]
fn a_short_log_is_left_for_the_next_process() {
    let folder = folder();
    let path = folder.path().join("store.sqlite-wal");
    let length = || std::fs::metadata(&path).map_or(0, |log| log.len());
    let fill = |seed, bytes| {
        let mut batch = Batch::default();
        let digest = batch.blob(&noise(seed, bytes));
        opened(&folder).commit(batch, 0).expect("written");
        digest
    };
    record(&opened(&folder), "a", "x", 0);
    assert_eq!(length(), 0, "the file is as short");
    let first = fill(1, 1_000_000);
    assert_eq!(length(), 0, "the log was long");
    record(&opened(&folder), "b", "y", 0);
    assert_ne!(length(), 0);
    assert_eq!(values(&opened(&folder), "b"), ["y"]);
    let second = fill(2, 100_000);
    assert_eq!(length(), 0);
    let store = opened(&folder);
    assert!(store.has_blob(&first) && store.has_blob(&second));
    assert_eq!((values(&store, "a"), values(&store, "b")), (vec!["x".to_owned()], vec!["y".to_owned()]));
}

#[test]
fn stores_and_threads_share_a_folder() {
    let folder = folder();
    let stores = [opened(&folder), opened(&folder)];
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (store, other) = (&stores[thread as usize % 2], &stores[(thread as usize + 1) % 2]);
            scope.spawn(move || {
                for number in 0..40 {
                    let bytes = noise(thread * 1_000 + number, 500);
                    let mut batch = Batch::default();
                    let digest = batch.blob(&bytes);
                    batch.record(digest, bytes.clone());
                    store.commit(batch, 0).expect("written");
                    assert_eq!(other.blob(&digest).as_ref(), Some(&bytes));
                    assert_eq!(other.records(&digest), [bytes]);
                }
            });
        }
    });
    for store in &stores {
        let verified = store.verify().expect("verified");
        assert_eq!((verified.blobs, verified.records, verified.damaged_blobs), (160, 160, 0));
    }
}
