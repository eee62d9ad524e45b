//! What is damaged, foreign, out of reach or full: a miss, an empty store or an error, and never wrong bytes.

use std::fs;
use std::path::{Path, PathBuf};

use cache::{Batch, Digest, Notice, Store, Why};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

/// What every store here has been given.
const ENTRIES: u64 = 60;

/// Bytes in a page of the file.
const PAGE: usize = 8192;

fn blob(number: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number);
    let letters = std::iter::repeat_with(|| random.alphanumeric()).take(700).collect::<String>();
    letters.into_bytes()
}

fn key(number: u64) -> Digest {
    Digest::of(&number.to_le_bytes())
}

fn value(number: u64) -> Vec<u8> {
    format!("the trace of {number}").into_bytes()
}

fn filled() -> TempDir {
    let folder = tempdir().expect("a folder");
    let (store, notices) = Store::open(folder.path());
    assert_eq!(notices, []);
    fill(&store);
    folder
}

fn fill(store: &Store) {
    let mut batch = Batch::default();
    for number in 0..ENTRIES {
        batch.blob(&blob(number));
        batch.record(key(number), value(number));
    }
    store.commit(batch, 0).expect("written");
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("store.sqlite")
}

/// How many entries are there. Each of them must be the one that was put in.
fn right(store: &Store) -> u64 {
    let mut found = 0;
    for number in 0..ENTRIES {
        let bytes = blob(number);
        if let Some(read) = store.blob(&Digest::of(&bytes)) {
            assert_eq!(read, bytes);
            found += 1;
        }
        for read in store.records(&key(number)) {
            assert_eq!(read, value(number));
            found += 1;
        }
    }
    found
}

/// Opens what is damaged, reads what is left, repairs it, and finds everything.
#[track_caller]
fn repairs(folder: &Path) {
    let (store, _) = Store::open(folder);
    right(&store);
    fill(&store);
    // What was not known to be damaged is found by reading it once.
    right(&store);
    fill(&store);
    assert_eq!(right(&store), 2 * ENTRIES);
    // Damage in what no question reads (lists of free pages, say) is found by looking at everything.
    store.verify().expect("verified");
    fill(&store);
    let verified = store.verify().expect("verified");
    assert_eq!((verified.damaged_blobs, verified.damaged_records, verified.rebuilt), (0, 0, false));
    assert_eq!(right(&store), 2 * ENTRIES);
    assert_eq!(store.blob_digests().len() as u64, ENTRIES);
}

#[test]
fn a_truncated_store_is_made_anew() {
    let source = filled();
    let whole = fs::read(file(&source)).expect("a file");
    for part in 0..16 {
        let folder = tempdir().expect("a folder");
        // Some at borders of pages, some not.
        let length = if part == 15 { whole.len() - PAGE / 2 } else { whole.len() * part / 16 + part % 3 };
        fs::write(file(&folder), &whole[..length]).expect("written");
        repairs(folder.path());
    }
}

#[test]
fn flipped_bits_are_never_believed() {
    let source = filled();
    let whole = fs::read(file(&source)).expect("a file");
    let mut random = fastrand::Rng::with_seed(1);
    let header = (0..100).step_by(11);
    let anywhere: Vec<usize> = std::iter::repeat_with(|| random.usize(..whole.len())).take(30).collect();
    for at in header.chain(anywhere) {
        let folder = tempdir().expect("a folder");
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << random.u8(..8);
        fs::write(file(&folder), &bytes).expect("written");
        repairs(folder.path());
    }
}

#[test]
fn pages_of_noise_are_never_believed() {
    let source = filled();
    let whole = fs::read(file(&source)).expect("a file");
    let mut random = fastrand::Rng::with_seed(2);
    for page in 0..whole.len() / PAGE {
        let folder = tempdir().expect("a folder");
        let mut bytes = whole.clone();
        bytes[page * PAGE..][..PAGE].fill_with(|| random.u8(..));
        fs::write(file(&folder), &bytes).expect("written");
        repairs(folder.path());
    }
}

#[test]
fn an_index_that_does_not_fit_its_table_is_never_believed() {
    let source = filled();
    let whole = fs::read(file(&source)).expect("a file");
    let wanted = key(7);
    let places = whole.windows(16).enumerate().filter(|(_, bytes)| **bytes == wanted.as_bytes()[..16]);
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    assert_eq!(places.len(), 2, "one in the table, one in its index");
    for at in places {
        let folder = tempdir().expect("a folder");
        let mut bytes = whole.clone();
        bytes[at + 15] ^= 1;
        fs::write(file(&folder), &bytes).expect("written");
        repairs(folder.path());
        let (store, _) = Store::open(folder.path());
        store.gc(0).expect("thrown away");
    }
}

#[test]
fn a_damaged_log_is_never_believed() {
    let source = tempdir().expect("a folder");
    let (store, _) = Store::open(source.path());
    fill(&store);
    let name = "store.sqlite-wal";
    let log = fs::read(source.path().join(name)).expect("a log");
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..12 {
        let folder = tempdir().expect("a folder");
        fs::copy(file(&source), file(&folder)).expect("copied");
        let mut bytes = log.clone();
        let at = random.usize(..log.len());
        bytes[at] ^= 1 << random.u8(..8);
        if random.bool() {
            bytes.truncate(at);
        }
        fs::write(folder.path().join(name), bytes).expect("written");
        repairs(folder.path());
    }
}

#[test]
fn another_version_is_made_anew() {
    for version in [0, 1, 99, -1] {
        let folder = filled();
        let other = Connection::open(file(&folder)).expect("a database");
        other.pragma_update(None, "user_version", version).expect("a version");
        drop(other);
        let (store, notices) = Store::open(folder.path());
        let why = Why::Version { found: version, wanted: 3 };
        assert_eq!(notices, [Notice::Rebuilt { path: file(&folder), why }]);
        assert_eq!(right(&store), 0);
        fill(&store);
        assert_eq!(right(&store), 2 * ENTRIES);
    }
}

#[test]
fn what_is_no_database_is_made_anew() {
    let folder = tempdir().expect("a folder");
    fs::write(file(&folder), "dear diary\n".repeat(1000)).expect("written");
    let (_, notices) = Store::open(folder.path());
    assert!(matches!(&notices[..], [Notice::Rebuilt { why: Why::Damaged(_), .. }]), "{notices:?}");
    repairs(folder.path());
}

#[test]
fn a_damaged_entry_is_a_miss_and_goes() {
    let folder = filled();
    let other = Connection::open(file(&folder)).expect("a database");
    other.execute("UPDATE contents SET data = zeroblob(100) WHERE id = 1", []).expect("damage");
    other.execute("UPDATE blobs SET size = 1 << 60 WHERE content = 2", []).expect("damage");
    other.execute("DELETE FROM contents WHERE id = 3", []).expect("damage");
    other.execute("UPDATE records SET value = x'00' WHERE id = 1", []).expect("damage");
    let swap = "UPDATE records SET key = (SELECT key FROM records WHERE id = 3) WHERE id = 2";
    other.execute(swap, []).expect("damage");
    let (store, notices) = Store::open(folder.path());
    assert_eq!(notices, []);
    assert_eq!(right(&store), 2 * ENTRIES - 5);
    assert_eq!(store.damaged(), 5);
    let left = |table: &str| -> u64 {
        let question = format!("SELECT count(*) FROM {table}");
        let count = other.query_row(&question, [], |row| row.get::<_, i64>(0)).expect("a count");
        count.try_into().expect("a number")
    };
    assert_eq!((left("blobs"), left("contents"), left("records")), (ENTRIES - 3, ENTRIES - 3, ENTRIES - 2));
    fill(&store);
    assert_eq!(right(&store), 2 * ENTRIES);
}

#[test]
fn verify_finds_what_nobody_read() {
    let folder = filled();
    let other = Connection::open(file(&folder)).expect("a database");
    other.execute("UPDATE contents SET data = zeroblob(100) WHERE id < 4", []).expect("damage");
    other.execute("UPDATE records SET value = x'00' WHERE id < 3", []).expect("damage");
    other.execute("INSERT INTO contents VALUES (1000, x'00')", []).expect("damage");
    let (store, _) = Store::open(folder.path());
    let verified = store.verify().expect("verified");
    assert_eq!((verified.blobs, verified.damaged_blobs), (ENTRIES - 3, 3));
    assert_eq!((verified.records, verified.damaged_records), (ENTRIES - 2, 2));
    let again = store.verify().expect("verified");
    assert_eq!((again.blobs, again.damaged_blobs, again.damaged_records), (ENTRIES - 3, 0, 0));
    let contents: i64 =
        other.query_row("SELECT count(*) FROM contents", [], |row| row.get(0)).expect("a count");
    assert_eq!(contents as u64, ENTRIES - 3);
}

#[test]
fn a_place_that_cannot_be_a_folder_has_no_store() {
    let folder = tempdir().expect("a folder");
    let taken = folder.path().join("taken");
    fs::write(&taken, "a file").expect("written");
    fs::create_dir_all(folder.path().join("odd/store.sqlite/x")).expect("a folder");
    for place in [taken, folder.path().join("odd")] {
        let (store, notices) = Store::open(&place);
        assert!(matches!(&notices[..], [Notice::Unavailable { .. }]), "{notices:?}");
        assert!(!store.is_writable());
        fill(&store);
        assert_eq!(right(&store), 0);
        assert_eq!(store.blob_digests(), []);
        assert_eq!(store.stats().blobs, 0);
        assert_eq!(store.gc(0), Ok(cache::Collected::default()));
        assert!(!store.verify().expect("verified").rebuilt);
    }
}

/// Not for root, who may write everywhere; `open.rs` tests the same without rights.
#[cfg(unix)]
#[test]
fn a_read_only_folder_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = filled();
    let allow =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("rights");
    allow(&file(&folder), 0o444);
    allow(folder.path(), 0o555);
    let (store, notices) = Store::open(folder.path());
    if !store.is_writable() {
        assert!(matches!(&notices[..], [Notice::ReadOnly { .. }]), "{notices:?}");
        fill(&store);
    }
    assert_eq!(right(&store), 2 * ENTRIES);
    allow(folder.path(), 0o755);
}
