//! Config blocks.

use rustc_hash::FxHashMap;
use syntax::ast::{self, EntryOp};
use syntax::{Span, Symbol};

use super::Lower;
use super::code::{ArgsCode, ConfigCode, ConfigItem, EntryCode, Expr, ExprKind, KeyCode, SchemaExprCode};
use super::repeat::leave_out_entries;
use super::scope::{BindingKind, BodyKind, Used};
use crate::resolve::merge::MergedItem;
use crate::value::{Key, Origin};

/// An item of a block with the file that it is from and, where declarations were merged, the items of its value.
#[derive(Clone, Copy)]
struct Source<'m, 'a> {
    file: usize,
    item: &'a ast::ConfigItem,
    nested: Option<&'m [MergedItem<'a>]>,
}

impl Lower<'_> {
    pub(super) fn config(&mut self, config: &ast::Config, of_schema: bool) -> ConfigCode {
        let file = self.file;
        let items: Vec<_> = config.items.iter().map(|item| Source { file, item, nested: None }).collect();
        self.block(&items, of_schema)
    }

    fn merged_config(&mut self, items: &[MergedItem<'_>], of_schema: bool) -> ConfigCode {
        let items = items.iter();
        let items = items.map(|it| Source { file: it.file, item: it.item, nested: it.nested.as_deref() });
        self.block(&items.collect::<Vec<_>>(), of_schema)
    }

    pub(super) fn schema_expr(
        &mut self,
        schema: &ast::SchemaExpr,
        merged: Option<&[MergedItem<'_>]>,
        span: Span,
    ) -> Expr {
        let config = match merged {
            Some(items) => self.merged_config(items, true),
            None => self.config(&schema.config, true),
        };
        let none = || ArgsCode { positional: Vec::new(), named: Vec::new() };
        let code = SchemaExprCode {
            schema: self.path(&schema.name, schema.name_span),
            args: schema.args.as_ref().map_or_else(none, |args| self.args(args)),
            config,
            config_span: schema.name_span,
            file: self.file as u32,
        };
        Expr { kind: ExprKind::Schema(Box::new(code)), span }
    }

    /// A block: its keys are visible to the values of later entries, here and in blocks inside.
    fn block(&mut self, items: &[Source<'_, '_>], of_schema: bool) -> ConfigCode {
        let mut keys = Vec::with_capacity(items.len());
        for source in items {
            static_keys(source.item, &mut keys);
        }
        self.body().enter_block(keys, of_schema);
        let mut lowered = Vec::with_capacity(items.len());
        let mut passed = Vec::new();
        for source in items {
            lowered.push(self.source(*source));
            if of_schema {
                passed.clear();
                static_keys(source.item, &mut passed);
                self.body().pass(&passed);
            }
        }
        let used = self.body().leave_block();
        set_locals(&mut lowered, &used);
        leave_out_entries(&mut lowered, self.body().kind == BodyKind::Lambda);
        tell_fresh(&mut lowered);
        let size = lowered.iter().filter(|item| matches!(item, ConfigItem::Entry(_))).count() as u32;
        ConfigCode { items: lowered, locals: used.into_values().collect(), size, is_table: false }
    }

    fn source(&mut self, source: Source<'_, '_>) -> ConfigItem {
        let around = std::mem::replace(&mut self.file, source.file);
        let item = match source.item {
            ast::ConfigItem::Entry(entry) => ConfigItem::Entry(self.entry(entry, source.nested)),
            item => self.plain_item(item),
        };
        self.file = around;
        item
    }

    fn plain_item(&mut self, item: &ast::ConfigItem) -> ConfigItem {
        match item {
            ast::ConfigItem::Entry(entry) => ConfigItem::Entry(self.entry(entry, None)),
            ast::ConfigItem::Unpack(value) => ConfigItem::Unpack(self.expr(value)),
            ast::ConfigItem::If(branch) => {
                let test = self.expr(&branch.test);
                let items = branch.items.iter().map(|item| self.plain_item(item)).collect();
                let otherwise = branch.otherwise.iter().map(|item| self.plain_item(item)).collect();
                ConfigItem::If(test, self.next_arms(), [items, otherwise])
            }
        }
    }

    fn entry(&mut self, entry: &ast::Entry, nested: Option<&[MergedItem<'_>]>) -> EntryCode {
        match &entry.key {
            ast::Key::Path(path) => self.path_entry(entry, path, None, nested),
            ast::Key::Index(path, index) => self.path_entry(entry, path, Some(*index), nested),
            ast::Key::Str(name) => {
                let value = self.entry_value(&entry.value, nested);
                self.single(KeyCode::Const(Key::from(*name)), entry.op, None, value, entry.key_span)
            }
            ast::Key::Expr(key) => {
                let value = self.entry_value(&entry.value, nested);
                let key = KeyCode::Expr(self.expr(key));
                self.single(key, entry.op, None, value, entry.key_span)
            }
        }
    }

    /// `a.b.c = value` is `a: {b: {c = value}}`.
    fn path_entry(
        &mut self,
        entry: &ast::Entry,
        path: &[ast::Ident],
        index: Option<i64>,
        nested: Option<&[MergedItem<'_>]>,
    ) -> EntryCode {
        let Some((first, rest)) = path.split_first() else {
            let value = self.entry_value(&entry.value, nested);
            return self.single(KeyCode::Const(Key::new("")), entry.op, None, value, entry.key_span);
        };
        let key = self.name_key(*first);
        if rest.is_empty() {
            let index = index.map(|index| i32::try_from(index).unwrap_or(i32::MAX));
            let value = self.entry_value(&entry.value, nested);
            return self.single(key, entry.op, index, value, first.span);
        }
        self.body().enter_block(vec![rest[0].name], false);
        let mut inner = vec![ConfigItem::Entry(self.path_entry(entry, rest, index, nested))];
        let used = self.body().leave_block();
        set_locals(&mut inner, &used);
        let locals = used.into_values().collect();
        let config = ConfigCode { items: inner, locals, size: 1, is_table: false };
        let span = rest[0].span.to(entry.value.span);
        let value = Expr { kind: ExprKind::Config(Box::new(config)), span };
        self.single(key, EntryOp::Union, None, value, first.span)
    }

    /// A name as a key is literal, unless it is a loop variable.
    fn name_key(&mut self, name: ast::Ident) -> KeyCode {
        let binding = self.body().find_var(name.name);
        if binding.is_some_and(|binding| binding.kind == BindingKind::Loop) {
            return KeyCode::Expr(self.name(name.name, name.span));
        }
        KeyCode::Const(Key::from(name.name))
    }

    fn entry_value(&mut self, value: &ast::Expr, nested: Option<&[MergedItem<'_>]>) -> Expr {
        match (nested, &value.kind) {
            (Some(items), ast::ExprKind::Config(_)) => {
                let config = self.merged_config(items, false);
                Expr { kind: ExprKind::Config(Box::new(config)), span: value.span }
            }
            (Some(items), ast::ExprKind::Schema(schema)) => self.schema_expr(schema, Some(items), value.span),
            _ => self.expr(value),
        }
    }

    fn single(
        &mut self,
        key: KeyCode,
        op: EntryOp,
        index: Option<i32>,
        value: Expr,
        span: Span,
    ) -> EntryCode {
        let origin = Origin { package: self.package.id.0, file: self.file as u32, at: span.start };
        EntryCode { key, op, index, value, local: None, fresh: false, origin, span }
    }

    pub(super) fn comp_entry(&mut self, entry: &ast::Entry) -> EntryCode {
        let value = self.expr(&entry.value);
        let value = self.arm(value);
        let key = match &entry.key {
            ast::Key::Path(path) => KeyCode::Expr(self.path(path, entry.key_span)),
            ast::Key::Str(name) => KeyCode::Const(Key::from(*name)),
            ast::Key::Expr(key) => KeyCode::Expr(self.expr(key)),
            ast::Key::Index(path, index) => {
                let value = self.path(path, entry.key_span);
                let at =
                    Expr { kind: ExprKind::Const(super::code::Const::Int(*index)), span: entry.key_span };
                let kind = ExprKind::Index(Box::new((value, at)), false);
                KeyCode::Expr(Expr { kind, span: entry.key_span })
            }
        };
        self.single(key, entry.op, None, value, entry.key_span)
    }
}

/// The keys that a block has for the names in its values: those known from the text, under conditions too.
fn static_keys(item: &ast::ConfigItem, keys: &mut Vec<Symbol>) {
    match item {
        ast::ConfigItem::Entry(entry) => match &entry.key {
            ast::Key::Path(path) | ast::Key::Index(path, _) => {
                keys.extend(path.first().map(|name| name.name));
            }
            ast::Key::Str(name) => keys.push(*name),
            ast::Key::Expr(_) => {}
        },
        ast::ConfigItem::Unpack(_) => {}
        ast::ConfigItem::If(branch) => {
            for item in branch.items.iter().chain(&branch.otherwise) {
                static_keys(item, keys);
            }
        }
    }
}

/// Larger blocks look their keys up when they are evaluated.
const FEW: usize = 32;

/// Tells the entries before which there are only others with other known keys. O(n²).
fn tell_fresh(items: &mut [ConfigItem]) {
    let mut known = items.len() <= FEW;
    for at in 0..items.len() {
        let (before, rest) = items.split_at_mut(at);
        match &mut rest[0] {
            ConfigItem::Entry(EntryCode { key: KeyCode::Const(key), index: None, fresh, .. }) => {
                *fresh = known && !before.iter().any(|item| has_key(item, *key));
            }
            ConfigItem::Entry(_) | ConfigItem::Unpack(_) => known = false,
            ConfigItem::If(_, _, arms) => {
                arms.iter_mut().for_each(|arm| tell_fresh(arm));
                known = false;
            }
        }
    }
}

fn has_key(item: &ConfigItem, key: Key<'_>) -> bool {
    matches!(item, ConfigItem::Entry(EntryCode { key: KeyCode::Const(other), .. }) if *other == key)
}

/// Tells the entries whose keys are read into which local their value goes.
fn set_locals(items: &mut [ConfigItem], used: &Used) {
    if !used.is_empty() {
        let used = used.iter().map(|(name, local)| (Key::from(*name), *local)).collect();
        set_locals_of(items, &used);
    }
}

fn set_locals_of(items: &mut [ConfigItem], used: &FxHashMap<Key<'_>, u32>) {
    for item in items {
        match item {
            ConfigItem::Entry(entry) => {
                if let KeyCode::Const(key) = entry.key {
                    entry.local = used.get(&key).copied();
                }
            }
            ConfigItem::Unpack(_) => {}
            ConfigItem::If(_, _, arms) => arms.iter_mut().for_each(|arm| set_locals_of(arm, used)),
        }
    }
}
