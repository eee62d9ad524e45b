//! Changes to a main package from the command line: `app.image="x"`, `labels:{a = 1}`, `args+=["-v"]`, `debug-`.
//!
//! The trees of the main files are changed after parsing and before anything else sees them. The text of a changed
//! file is its own, followed by a line for each value, so that every span of the changed tree has text to show. The
//! lines are parts of that text with a source of their own, for they are not in the file that users know.

use std::fmt::Write as _;
use std::sync::Arc;

use syntax::ast::{
    self, BinaryOp, Config, ConfigItem, Entry, EntryOp, Expr, ExprKind, Ident, Key, Stmt, StmtKind, Target,
};
use syntax::{Source, Span, Symbol};

use crate::package::File;

/// A change to a variable of the main package, or to something inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The variable, and the keys that lead on from it; never empty.
    path: Vec<Symbol>,
    /// The same as it was written.
    written: String,
    change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Delete,
    /// The operator and the text of the value.
    Set(EntryOp, String),
}

/// What to write instead of a text that is no change.
pub const FORMS: &str = "write `path=value`, `path:value`, `path+=value` or `path-`";

/// Begins the names of the lines that hold values.
const LINE: &str = "override_";

impl Override {
    /// Reads `path=value`, `path:value`, `path+=value` or `path-`. A key with dots stands in brackets and quotes:
    /// `labels["a.b"]`.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(spec: &str) -> Result<Self, String> {
        let end = path_end(spec);
        let (path, rest) = spec.split_at(end);
        let change = match rest {
            "-" => Change::Delete,
            _ => set(rest).ok_or_else(|| format!("`{spec}` changes nothing"))?,
        };
        if let Change::Set(_, value) = &change {
            let (_, problems) = syntax::parse_expr(&Arc::new(Source::new(spec, value.as_str())));
            if let Some(problem) = problems.first() {
                return Err(format!("`{value}` of `{spec}` is not a value: {}", problem.message));
            }
        }
        let written = path.trim().to_owned();
        let path =
            keys(path).ok_or_else(|| format!("`{path}` of `{spec}` is not a path such as `app.image`"))?;
        Ok(Self { path, written, change })
    }

    /// Whether a file has the variable at its top level.
    fn concerns(&self, file: &File) -> bool {
        file.tree.body.iter().any(|stmt| variable(stmt) == Some(self.path[0]))
    }
}

/// Where the operator of a spec starts: the first that is not inside brackets.
fn path_end(spec: &str) -> usize {
    let mut in_brackets = false;
    for (at, c) in spec.char_indices() {
        match c {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            '=' | ':' | '+' | '-' if !in_brackets => return at,
            _ => {}
        }
    }
    spec.len()
}

/// `=value`, `:value`, `+=value`
fn set(text: &str) -> Option<Change> {
    let operators = [("+=", EntryOp::Insert), ("=", EntryOp::Override), (":", EntryOp::Union)];
    let (operator, op) = operators.into_iter().find(|(operator, _)| text.starts_with(operator))?;
    let value = text[operator.len()..].trim();
    (!value.is_empty()).then(|| Change::Set(op, value.to_owned()))
}

/// `a.b["c.d"].e`
fn keys(path: &str) -> Option<Vec<Symbol>> {
    let mut keys = Vec::new();
    let mut rest = path.trim();
    loop {
        let len = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(len);
        if name.is_empty() {
            return None;
        }
        keys.push(Symbol::new(name));
        rest = after;
        while let Some(bracket) = rest.strip_prefix('[') {
            let (quoted, after) = bracket.split_once(']')?;
            let key = quoted.strip_prefix('"')?.strip_suffix('"')?;
            keys.push(Symbol::new(key));
            rest = after;
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None => return rest.is_empty().then_some(keys),
        }
    }
}

/// The files of a main package with the changes made. A variable that no file has becomes one of the last file.
pub(super) fn apply(files: Vec<File>, overrides: &[Override]) -> Vec<File> {
    let known = |it: &&Override| files.iter().any(|file| it.concerns(file));
    let new: Vec<&Override> = overrides.iter().filter(|it| !known(it)).collect();
    let last = files.len().saturating_sub(1);
    let changed = files.into_iter().enumerate().map(|(at, file)| {
        let concerns = |it: &&Override| it.concerns(&file) || at == last && new.contains(it);
        let own: Vec<&Override> = overrides.iter().filter(concerns).collect();
        if own.is_empty() { file } else { change(&file, &own) }
    });
    changed.collect()
}

fn change(file: &File, overrides: &[&Override]) -> File {
    let mut text = file.source.text().to_owned();
    let mut parts = Vec::new();
    for (number, it) in overrides.iter().enumerate() {
        if let Change::Set(_, value) = &it.change {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{LINE}{number} = ");
            let origin = Source::new(format!("-O {}", it.written), value.as_str());
            parts.push((text.len() as u32, Arc::new(origin)));
            text.push_str(value);
        }
    }
    let source = Arc::new(Source::new(file.source.name(), text).with_parts(parts));
    let (mut tree, problems) = syntax::parse(&source);
    let mut lines = tree.body.split_off(file.tree.body.len().min(tree.body.len()));
    for (number, it) in overrides.iter().enumerate() {
        match &it.change {
            Change::Delete => delete(&mut tree.body, &it.path),
            Change::Set(op, _) => {
                if let Some(value) = take(&mut lines, number) {
                    let key_span = Span::new(value.span.start, value.span.start);
                    put(&mut tree.body, &it.path, New { op: *op, value, key_span });
                }
            }
        }
    }
    File { path: file.path.clone(), source, tree, problems }
}

/// The value of a line.
fn take(lines: &mut [Stmt], number: usize) -> Option<Expr> {
    let name = Symbol::new(&format!("{LINE}{number}"));
    let line = lines.iter_mut().find(|stmt| variable(stmt) == Some(name))?;
    match &mut line.kind {
        StmtKind::Assign(assign) => Some(std::mem::replace(&mut assign.value, nothing())),
        _ => None,
    }
}

fn nothing() -> Expr {
    Expr { kind: ExprKind::Missing, span: Span::default() }
}

/// What takes a place.
struct New {
    op: EntryOp,
    value: Expr,
    /// Stands for the place of names, which have none.
    key_span: Span,
}

impl New {
    /// An entry at the end of a path inside a config.
    fn entry(self, path: &[Symbol]) -> ConfigItem {
        let ident = |name: &Symbol| Ident { name: *name, span: self.key_span };
        let key = Key::Path(path.iter().map(ident).collect());
        ConfigItem::Entry(Entry { key, op: self.op, value: self.value, key_span: self.key_span })
    }
}

/// The variable that a statement gives a value.
fn variable(stmt: &Stmt) -> Option<Symbol> {
    match &stmt.kind {
        StmtKind::Assign(assign) => match assign.targets.as_slice() {
            [Target { name, path, .. }] if path.is_empty() => Some(name.name),
            _ => None,
        },
        StmtKind::Unify(unify) => Some(unify.name.name),
        _ => None,
    }
}

fn delete(body: &mut Vec<Stmt>, path: &[Symbol]) {
    let (name, rest) = (path[0], &path[1..]);
    if rest.is_empty() {
        body.retain(|stmt| variable(stmt) != Some(name));
        return;
    }
    for config in body.iter_mut().filter(|stmt| variable(stmt) == Some(name)).filter_map(stmt_config) {
        delete_entry(config, rest);
    }
}

fn delete_entry(config: &mut Config, path: &[Symbol]) {
    config.items.retain(|item| !at_or_below(item, path));
    for (config, rest) in config.items.iter_mut().filter_map(|item| nested(item, path)) {
        delete_entry(config, rest);
    }
}

/// Gives a variable, or what is at the end of the path from it, a value.
fn put(body: &mut Vec<Stmt>, path: &[Symbol], new: New) {
    let (name, rest) = (path[0], &path[1..]);
    let at = body.iter().rposition(|stmt| variable(stmt) == Some(name));
    let Some(stmt) = at.map(|at| &mut body[at]) else {
        let value = if rest.is_empty() { new.value } else { config_of(new.entry(rest)) };
        body.push(assignment(name, value));
        return;
    };
    match (rest, stmt_config(stmt)) {
        ([], Some(config)) if new.op == EntryOp::Union => append(config, new.value),
        ([], _) => replace(stmt, new),
        (_, Some(config)) => put_entry(config, rest, new),
        (_, None) => {
            if let StmtKind::Assign(assign) = &mut stmt.kind {
                assign.value = config_of(new.entry(rest));
            }
        }
    }
}

/// The entries of a config literal behind those of another; anything else has no entries.
fn append(config: &mut Config, value: Expr) {
    if let ExprKind::Config(more) = value.kind {
        config.items.extend(more.items);
    }
}

fn replace(stmt: &mut Stmt, new: New) {
    match &mut stmt.kind {
        StmtKind::Assign(assign) => combine(&mut assign.value, new),
        StmtKind::Unify(unify) => {
            unify.value.config.items.clear();
            append(&mut unify.value.config, new.value);
        }
        _ => {}
    }
}

/// Sets a value; `+=` appends to it.
fn combine(value: &mut Expr, new: New) {
    match (&mut value.kind, new.op, new.value) {
        (ExprKind::List(items), EntryOp::Insert, Expr { kind: ExprKind::List(more), .. }) => {
            items.extend(more);
        }
        (_, EntryOp::Insert, right) => {
            let left = std::mem::replace(value, nothing());
            let span = right.span;
            let kind = ExprKind::Binary(Box::new(ast::Binary { left, op: BinaryOp::Add, right }));
            *value = Expr { kind, span };
        }
        (.., new) => *value = new,
    }
}

fn put_entry(config: &mut Config, path: &[Symbol], new: New) {
    if let Some(at) = config.items.iter().rposition(|item| exactly(item, path)) {
        if let ConfigItem::Entry(entry) = &mut config.items[at] {
            entry.op = if new.op == EntryOp::Insert { entry.op } else { new.op };
            match (&mut entry.value.kind, new.op) {
                (ExprKind::Config(config), EntryOp::Union) => append(config, new.value),
                (ExprKind::Schema(schema), EntryOp::Union) => append(&mut schema.config, new.value),
                _ => combine(&mut entry.value, new),
            }
        }
        return;
    }
    if let Some(at) = config.items.iter_mut().rposition(|item| nested(item, path).is_some()) {
        if let Some((config, rest)) = nested(&mut config.items[at], path) {
            put_entry(config, rest, new);
        }
        return;
    }
    if new.op == EntryOp::Override {
        config.items.retain(|item| !at_or_below(item, path));
    }
    config.items.push(new.entry(path));
}

fn key_names(item: &ConfigItem) -> Option<Vec<Symbol>> {
    let ConfigItem::Entry(entry) = item else { return None };
    match &entry.key {
        Key::Path(path) => Some(path.iter().map(|ident| ident.name).collect()),
        Key::Str(name) => Some(vec![*name]),
        Key::Index(..) | Key::Expr(_) => None,
    }
}

fn exactly(item: &ConfigItem, path: &[Symbol]) -> bool {
    key_names(item).is_some_and(|names| names == path)
}

fn at_or_below(item: &ConfigItem, path: &[Symbol]) -> bool {
    key_names(item).is_some_and(|names| names.starts_with(path))
}

/// The config of an entry that the path leads through, and the rest of the path.
fn nested<'a, 'p>(item: &'a mut ConfigItem, path: &'p [Symbol]) -> Option<(&'a mut Config, &'p [Symbol])> {
    let names = key_names(item)?;
    let rest = path.strip_prefix(names.as_slice()).filter(|rest| !rest.is_empty())?;
    let ConfigItem::Entry(entry) = item else { return None };
    config_in(&mut entry.value).map(|config| (config, rest))
}

fn stmt_config(stmt: &mut Stmt) -> Option<&mut Config> {
    match &mut stmt.kind {
        StmtKind::Assign(assign) => config_in(&mut assign.value),
        StmtKind::Unify(unify) => Some(&mut unify.value.config),
        _ => None,
    }
}

fn config_in(value: &mut Expr) -> Option<&mut Config> {
    match &mut value.kind {
        ExprKind::Config(config) => Some(config),
        ExprKind::Schema(schema) => Some(&mut schema.config),
        _ => None,
    }
}

fn config_of(item: ConfigItem) -> Expr {
    let span = match &item {
        ConfigItem::Entry(entry) => entry.value.span,
        ConfigItem::Unpack(_) | ConfigItem::If(_) => Span::default(),
    };
    Expr { kind: ExprKind::Config(Box::new(Config { items: vec![item], span })), span }
}

fn assignment(name: Symbol, value: Expr) -> Stmt {
    let span = value.span;
    let target = Target { name: Ident { name, span }, path: Vec::new(), span };
    let assign = ast::Assign { targets: vec![target], ty: None, value };
    Stmt { kind: StmtKind::Assign(Box::new(assign)), span }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs() {
        let path = |spec: &str| {
            Override::parse(spec).map(|it| it.path.iter().map(|key| key.as_str()).collect::<Vec<_>>())
        };
        assert_eq!(path("a.b=1"), Ok(vec!["a", "b"]));
        assert_eq!(path(r#"a["b.c"].d-"#), Ok(vec!["a", "b.c", "d"]));
        assert_eq!(path("a.b+=[1]"), Ok(vec!["a", "b"]));
        for wrong in ["a", "a=", "=1", ":a=1", "a[0]=1", "a.=1", "a-1", "a=1 +", "a=1\nb = 2"] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
    }
}
