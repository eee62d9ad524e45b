//! Declarations of the main package that are read as one.
//!
//! A stack's files may each say `server: Server {…}`. Before anything else looks at the main package, the config
//! entries of all such declarations of a name are put together, in the place of the last of them; the others vanish.
//! Entries are grouped by key, in the order in which the keys first appear, and an entry with `=` drops what was
//! collected for its key before. The same is then done inside each entry that is left. What is not an identifier or a
//! plain string (`if`, `**`, `x[0]`, interpolated strings) shares one group.
//!
//! Trees are shared and never change, so the result refers to their items instead of copying them. A dotted key
//! `a.b = 1` counts as `a: {b = 1}`: its group is that of `a`, and its operator is `:`.

use rustc_hash::FxHashMap;
use syntax::Symbol;
use syntax::ast::{self, ConfigItem, EntryOp, ExprKind, Key, StmtKind};

use crate::package::PackageFile;

/// Which declarations became one, by the number of their file and of their statement in it.
#[derive(Debug, Default)]
pub struct Merged<'a> {
    decls: FxHashMap<(usize, usize), Vec<MergedItem<'a>>>,
    vanished: rustc_hash::FxHashSet<(usize, usize)>,
}

/// An item of a merged config.
#[derive(Debug)]
pub struct MergedItem<'a> {
    /// The file whose names count in the item.
    pub file: usize,
    /// The item as it is written.
    pub item: &'a ConfigItem,
    /// Where the item's value is a config (or a schema with one) whose items are to be read in another order, or not
    /// all of them: what to read instead. With a dotted key this is the value at its end.
    pub nested: Option<Vec<MergedItem<'a>>>,
}

impl<'a> Merged<'a> {
    /// The items to be read in place of those of a statement's config.
    #[must_use]
    pub fn declaration(&self, file: usize, stmt: usize) -> Option<&[MergedItem<'a>]> {
        self.decls.get(&(file, stmt)).map(Vec::as_slice)
    }

    /// Whether a statement went into a later one and is not to be read.
    #[must_use]
    pub fn vanished(&self, file: usize, stmt: usize) -> bool {
        self.vanished.contains(&(file, stmt))
    }

    /// Whether nothing was merged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.decls.is_empty()
    }
}

/// A statement that declares a name with a config.
#[derive(Clone, Copy)]
struct Declaration<'a> {
    file: usize,
    stmt: usize,
    config: &'a ast::Config,
}

/// Finds the declarations that are one.
#[must_use]
pub fn merge(files: &[PackageFile]) -> Merged<'_> {
    let mut merged = Merged::default();
    for declarations in declarations(files) {
        let Some((last, earlier)) = declarations.split_last().filter(|(_, earlier)| !earlier.is_empty())
        else {
            continue;
        };
        let items = declarations.iter().flat_map(|one| one.config.items.iter().map(|item| (one.file, item)));
        merged.decls.insert((last.file, last.stmt), group(items).0);
        merged.vanished.extend(earlier.iter().map(|one| (one.file, one.stmt)));
    }
    merged
}

/// The declarations of each name, in order of first appearance.
fn declarations(files: &[PackageFile]) -> Vec<Vec<Declaration<'_>>> {
    let mut all: Vec<Vec<Declaration<'_>>> = Vec::new();
    let mut places: FxHashMap<Symbol, usize> = FxHashMap::default();
    for (file, unit) in files.iter().enumerate() {
        for (number, stmt) in unit.file.tree.body.iter().enumerate() {
            let declaration = |config| Declaration { file, stmt: number, config };
            match &stmt.kind {
                StmtKind::Unify(unify) => {
                    let place = *places.entry(unify.name.name).or_insert(all.len());
                    all.resize_with(all.len().max(place + 1), Vec::new);
                    all[place].push(declaration(&unify.value.config));
                }
                StmtKind::Assign(assign) => {
                    let ExprKind::Schema(schema) = &assign.value.kind else { continue };
                    for target in assign.targets.iter().filter(|target| target.path.is_empty()) {
                        assigned(target.name.name, declaration(&schema.config), &mut all, &mut places);
                    }
                }
                _ => {}
            }
        }
    }
    all
}

/// `name = S {…}` starts a collection; a private name starts a new one each time.
fn assigned<'a>(
    name: Symbol,
    declaration: Declaration<'a>,
    all: &mut Vec<Vec<Declaration<'a>>>,
    places: &mut FxHashMap<Symbol, usize>,
) {
    match places.get(&name) {
        Some(place) if name.as_str().starts_with('_') => all[*place] = vec![declaration],
        Some(_) => {}
        None => {
            places.insert(name, all.len());
            all.push(vec![declaration]);
        }
    }
}

/// The items in the order in which they are to be read, and whether that differs from how they are written.
fn group<'a>(items: impl Iterator<Item = (usize, &'a ConfigItem)>) -> (Vec<MergedItem<'a>>, bool) {
    let mut groups: Vec<Vec<(usize, usize, &'a ConfigItem)>> = Vec::new();
    let mut places: FxHashMap<Option<Symbol>, usize> = FxHashMap::default();
    for (number, (file, item)) in items.enumerate() {
        let (key, op) = key(item);
        let place = *places.entry(key).or_insert(groups.len());
        groups.resize_with(groups.len().max(place + 1), Vec::new);
        if op == EntryOp::Override {
            groups[place].clear();
        }
        groups[place].push((number, file, item));
    }
    let order: Vec<_> = groups.into_iter().flatten().collect();
    let mut changed = order.iter().enumerate().any(|(at, (number, ..))| at != *number);
    let merged: Vec<_> = order.into_iter().map(|(_, file, item)| nested(file, item)).collect();
    changed |= merged.iter().any(|item| item.nested.is_some());
    (merged, changed)
}

fn nested(file: usize, item: &ConfigItem) -> MergedItem<'_> {
    let config = match item {
        ConfigItem::Entry(entry) => match &entry.value.kind {
            ExprKind::Config(config) => Some(&**config),
            ExprKind::Schema(schema) => Some(&schema.config),
            _ => None,
        },
        ConfigItem::Unpack(_) | ConfigItem::If(_) => None,
    };
    let read = config.map(|config| (config.items.len(), group(config.items.iter().map(|item| (file, item)))));
    let nested =
        read.and_then(|(count, (items, changed))| (changed || items.len() != count).then_some(items));
    MergedItem { file, item, nested }
}

/// The group of an item, and the operator that counts there.
fn key(item: &ConfigItem) -> (Option<Symbol>, EntryOp) {
    let ConfigItem::Entry(entry) = item else { return (None, EntryOp::Union) };
    match &entry.key {
        Key::Path(path) => {
            let op = if path.len() == 1 { entry.op } else { EntryOp::Union };
            (path.first().map(|part| part.name), op)
        }
        Key::Str(name) => (Some(*name), entry.op),
        Key::Index(..) | Key::Expr(_) => (None, entry.op),
    }
}
