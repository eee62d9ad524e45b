//! The tables of a store.
//!
//! Contents lie apart from the index of blobs, so that asking which blobs there are, and noting which were used,
//! touches few pages.

use rusqlite::{Connection, TransactionBehavior};

use crate::notice::Why;

/// A store of any other version is made anew. Count up whenever tables, packing or checksums change.
const VERSION: i64 = 3;

/// Bytes in a page. Artifacts of 8 KB, compressed, leave a tenth less unused than in pages of half the size.
const PAGE: i64 = 8192;

/// All that is declared, sorted by name. `packed` is the length of the content.
const DECLARED: [(&str, &str); 4] = [
    (
        "blobs",
        "CREATE TABLE blobs (digest BLOB PRIMARY KEY, content INTEGER NOT NULL, size INTEGER NOT NULL, \
         packed INTEGER NOT NULL, used INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    ),
    ("contents", "CREATE TABLE contents (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT"),
    (
        "records",
        "CREATE TABLE records (id INTEGER PRIMARY KEY, key BLOB NOT NULL, checksum BLOB NOT NULL, \
         used INTEGER NOT NULL, value BLOB NOT NULL) STRICT",
    ),
    ("records_by_key", "CREATE INDEX records_by_key ON records (key)"),
];

/// Why a file is not the store that it should be.
pub(crate) enum Unfit {
    /// It has no tables at all: a new file.
    Empty,
    /// It is something else.
    Other(Why),
}

/// Whether the tables of this version are there.
pub(crate) fn check(connection: &Connection) -> rusqlite::Result<Result<(), Unfit>> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let mut declared = connection.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")?;
    let declared: Vec<(String, Option<String>)> =
        declared.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    if found == 0 && declared.is_empty() {
        return Ok(Err(Unfit::Empty));
    }
    if found != VERSION {
        return Ok(Err(Unfit::Other(Why::Version { found, wanted: VERSION })));
    }
    let wanted = DECLARED.iter().map(|(name, sql)| (*name, Some(*sql)));
    if !wanted.eq(declared.iter().map(|(name, sql)| (name.as_str(), sql.as_deref()))) {
        return Ok(Err(Unfit::Other(Why::Damaged("it has other tables".to_owned()))));
    }
    Ok(Ok(()))
}

/// Makes the tables in an empty file, all or none.
pub(crate) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", PAGE)?;
    // Lets `gc` give space back without copying everything.
    connection.pragma_update(None, "auto_vacuum", 2)?;
    // Answers with the mode. A file system that cannot share memory keeps the old one: slower, as safe.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (_, sql) in DECLARED {
        transaction.execute(sql, [])?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_created_is_what_is_wanted() {
        let mut connection = Connection::open_in_memory().expect("a database");
        assert!(matches!(check(&connection), Ok(Err(Unfit::Empty))));
        create(&mut connection).expect("tables");
        assert!(matches!(check(&connection), Ok(Ok(()))));
        connection.pragma_update(None, "user_version", VERSION + 1).expect("a version");
        let other = Why::Version { found: VERSION + 1, wanted: VERSION };
        assert!(matches!(check(&connection), Ok(Err(Unfit::Other(why))) if why == other));
    }

    #[test]
    fn declarations_are_sorted() {
        assert!(DECLARED.is_sorted());
    }
}
