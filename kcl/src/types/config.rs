//! Configs: what the entries of a block are, and whether they fit where the block stands.
//!
//! While a config is walked, `expected` says what it is to be: the schema of a schema expression, the declared type of
//! an attribute, and so on inwards, one element for each block, key and list that was entered. `None` stands for
//! "nothing is known, check nothing".

use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use syntax::ast::{self, BinaryOp, ConfigItem, Entry, EntryOp, ExprKind, Ident, Key};
use syntax::{Code, Diagnostic, Span, Symbol};

use super::call::Callee;
use super::checker::{Checker, Expected};
use super::ty::{DictAttr, DictType, Ordered, Place, SchemaRef, SchemaSort, SchemaType, Type};
use crate::resolve::merge::MergedItem;
use crate::resolve::nearest::nearest;

/// The items of a block: as written, or merged from several declarations.
#[derive(Clone, Copy)]
pub(super) enum Items<'m> {
    Plain(&'m [ConfigItem]),
    Merged(&'m [MergedItem<'m>]),
}

/// One item of a block.
#[derive(Clone, Copy)]
struct Item<'m> {
    /// The file that it is from, where that may be another one.
    file: Option<usize>,
    item: &'m ConfigItem,
    nested: Option<&'m [MergedItem<'m>]>,
}

impl<'m> Items<'m> {
    fn len(self) -> usize {
        match self {
            Self::Plain(items) => items.len(),
            Self::Merged(items) => items.len(),
        }
    }

    fn all(self) -> impl Iterator<Item = Item<'m>> {
        (0..self.len()).map(move |at| match self {
            Self::Plain(items) => Item { file: None, item: &items[at], nested: None },
            Self::Merged(items) => {
                let MergedItem { file, item, nested } = &items[at];
                Item { file: Some(*file), item, nested: nested.as_deref() }
            }
        })
    }
}

/// The value of an entry.
#[derive(Clone, Copy)]
struct Value<'m> {
    expr: &'m ast::Expr,
    nested: Option<&'m [MergedItem<'m>]>,
}

/// What the entries of a block have been found to be.
#[derive(Default)]
struct Found {
    /// Different literal keys.
    names: Vec<Type>,
    keys: Vec<Type>,
    values: Vec<Type>,
    attrs: Ordered<DictAttr>,
    /// Whether nobody asks for any of this.
    idle: bool,
}

impl Found {
    fn for_items(count: usize) -> Self {
        let attrs = Ordered::with_capacity_and_hasher(count, FxBuildHasher);
        let (names, values) = (Vec::with_capacity(count), Vec::with_capacity(count));
        Self { names, keys: Vec::new(), values, attrs, idle: false }
    }

    /// For a block whose type is not asked for. What one item adds may count for a later one with the same name.
    fn for_none(items: Items<'_>, repeated: bool) -> Self {
        let alone = !repeated && items.all().all(|item| matches!(item.item, ConfigItem::Entry(_)));
        if alone { Self { idle: true, ..Self::default() } } else { Self::for_items(items.len()) }
    }
}

/// How deep the attributes of an unpacked value are held against what is expected.
const DEEPEST: usize = 8;

impl Checker<'_> {
    /// Says what a config that is walked next is to be.
    pub(super) fn expect(&mut self, ty: Option<&Type>, place: Option<Place>) {
        self.expected.push(ty.map(|ty| Expected { ty: ty.clone(), place }));
    }

    /// The same for the elements of the list that is to be walked.
    pub(super) fn expect_element(&mut self) {
        static ELEMENT: LazyLock<Symbol> = LazyLock::new(|| Symbol::new("[]"));
        self.expect_name(*ELEMENT);
    }

    fn expect_name(&mut self, name: Symbol) {
        let next = match self.expected.last() {
            Some(Some(expected)) if !name.as_str().is_empty() => self.step(expected, name),
            _ => None,
        };
        self.expected.push(next);
    }

    /// What is expected of the value of a key, given what is expected of the block.
    fn step(&self, block: &Expected, name: Symbol) -> Option<Expected> {
        let same = |ty: &Type| Some(Expected { ty: ty.clone(), place: block.place });
        match &block.ty {
            Type::List(item) => same(item),
            Type::Dict(dict) => same(&dict.value),
            Type::Schema(id, _) => {
                let schema = self.table.schema(*id)?;
                match self.table.attr(schema, name) {
                    Some(attr) => Some(Expected { ty: attr.ty.clone(), place: Some(attr.place) }),
                    None => same(&schema.index.as_ref()?.value),
                }
            }
            Type::Union(members) => same(&self.step_union(members, name)),
            _ => None,
        }
    }

    fn step_union(&self, members: &[Type], name: Symbol) -> Type {
        let possible = members.iter().filter_map(|member| match member {
            Type::Schema(id, _) => {
                let schema = self.table.schema(*id)?;
                let attr = self.table.attr(schema, name).map(|attr| &attr.ty);
                attr.or_else(|| schema.index.as_ref().map(|index| &index.value)).cloned()
            }
            Type::Dict(dict) => Some(dict.value.clone()),
            _ => None,
        });
        let possible: Vec<Type> = possible.collect();
        self.table.join(&possible)
    }

    /// The same for the key of an entry; gives the depth to return to.
    pub(super) fn expect_key(&mut self, key: &Key) -> usize {
        let depth = self.expected.len();
        match key {
            Key::Path(path) => self.expect_names(path),
            Key::Index(path, at) if *at >= 0 => self.expect_names(path),
            Key::Str(name) => self.expect_name(*name),
            Key::Expr(key) if matches!(key.kind, ExprKind::Template(_) | ExprKind::Missing) => {
                self.expected.push(None);
            }
            Key::Index(..) | Key::Expr(_) => {}
        }
        depth
    }

    fn expect_names(&mut self, path: &[Ident]) {
        for part in path {
            self.expect_name(part.name);
        }
    }

    /// Whether anything is expected of the block that is being walked.
    fn is_directed(&self) -> bool {
        matches!(self.expected.last(), Some(Some(_)))
    }

    /// Whether a key may stand in a config of a type.
    pub(super) fn check_key(&mut self, name: Symbol, ty: &Type, span: Span, from: Option<Place>) {
        if name.as_str().is_empty() {
            return;
        }
        match ty {
            Type::Schema(id, _) => {
                if let Some(schema) = self.table.schema(*id) {
                    self.check_schema_key(name, schema, span, from);
                }
            }
            Type::Union(members) => self.check_union_key(name, members, span, from),
            _ => {}
        }
    }

    fn takes(&self, schema: &SchemaType, name: Symbol) -> bool {
        let table = self.table;
        let known = table.schema(schema.id).is_some_and(|schema| table.attr(schema, name).is_some());
        let protocol = schema.protocol.and_then(|protocol| table.schema(protocol));
        let open = schema.index.is_some() || protocol.is_some_and(|protocol| protocol.index.is_some());
        known || schema.sort == SchemaSort::Mixin || open
    }

    fn check_schema_key(&mut self, name: Symbol, schema: &SchemaType, span: Span, from: Option<Place>) {
        if !self.takes(schema, name) {
            self.unknown_key(name, &[schema], span, from);
        }
        let Some(index) = schema.index.as_ref().filter(|index| !index.any_other) else { return };
        let literals: &[Type] = match &index.key {
            Type::Union(members) => members,
            Type::StrLit(_) => std::slice::from_ref(&index.key),
            _ => return,
        };
        let allowed = |ty: &Type| matches!(ty, Type::StrLit(text) if text.as_str() == name.as_str());
        if !literals.iter().any(allowed) {
            let message = format!("schema `{}` takes no key `{name}`", schema.name);
            self.report(Code::Compile, span, message);
        }
    }

    fn check_union_key(&mut self, name: Symbol, members: &[Type], span: Span, from: Option<Place>) {
        let mut schemas = Vec::new();
        for member in members {
            match member {
                Type::Schema(id, _) => {
                    let Some(schema) = self.table.schema(*id) else { return };
                    if self.takes(schema, name) {
                        return;
                    }
                    schemas.push(schema);
                }
                Type::Dict(_) => return,
                _ => {}
            }
        }
        if !schemas.is_empty() {
            self.unknown_key(name, &schemas, span, from);
        }
    }

    fn unknown_key(&mut self, name: Symbol, schemas: &[&SchemaType], span: Span, from: Option<Place>) {
        let names: Vec<String> = schemas.iter().map(|schema| format!("`{}`", schema.name)).collect();
        let message = format!("schema {} has no attribute `{name}`", names.join(" or "));
        let mut problem = self.problem(Code::Compile, span, message);
        if let [schema] = schemas {
            problem = self.note(problem, Some(schema.place), format!("`{}` is declared here", schema.name));
        }
        problem = self.note(problem, from, "the attribute comes from here");
        let known = schemas.iter().filter_map(|schema| self.table.schema(schema.id));
        let known =
            known.flat_map(|schema| self.table.lineage(schema)).flat_map(|schema| schema.attrs.keys());
        let near =
            self.may_guess().then(|| nearest(name.as_str(), known.map(|name| name.as_str()))).flatten();
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        self.problems.push(hint.into_iter().fold(problem, Diagnostic::hint));
    }

    /// `S(args) {…}`, `value {…}`
    pub(super) fn schema_expr(
        &mut self,
        schema: &ast::SchemaExpr,
        nested: Option<&[MergedItem<'_>]>,
    ) -> Type {
        let items = nested.map_or(Items::Plain(&schema.config.items), Items::Merged);
        match self.path(&schema.name, schema.name_span) {
            Type::Any => Type::Any,
            ty @ Type::Dict(_) => {
                self.expect(Some(&ty), None);
                let config = self.block(items);
                self.expected.pop();
                self.binary(&ty, &config, BinaryOp::BitOr, schema.name_span)
            }
            Type::Schema(id, instance) => {
                self.instance_of(id, instance, schema, items);
                Type::Schema(id, true)
            }
            other => {
                let message = format!("`{}` is not a schema", Self::path_text(&schema.name));
                let problem = self.problem(Code::Compile, schema.name_span, message);
                self.problems.push(problem.hint(format!("its type is `{}`", self.table.show(&other))));
                Type::Any
            }
        }
    }

    fn instance_of(&mut self, id: SchemaRef, instance: bool, expr: &ast::SchemaExpr, items: Items<'_>) {
        let Some(schema) = self.table.schema(id) else { return };
        if !instance && !self.is_inside_open_schema() {
            self.check_required(schema, expr, items);
        }
        self.expect(Some(&Type::Schema(id, instance)), None);
        let repeated = has_repeated_name(items);
        self.items(items, repeated, Found::for_none(items, repeated));
        self.expected.pop();
        let none = ast::Args::default();
        let args = expr.args.as_ref().unwrap_or(&none);
        if !instance {
            self.arguments(Callee::Path(&expr.name), expr.name_span, args, Some(&schema.params));
        } else if !args.positional.is_empty() || !args.keywords.is_empty() {
            self.report(Code::Compile, expr.name_span, "an instance takes a config, but no arguments");
        }
    }

    /// Whether the block around stands for a schema with an index signature, whose default may add attributes.
    fn is_inside_open_schema(&self) -> bool {
        match self.expected.iter().rev().nth(1) {
            Some(Some(Expected { ty: Type::Schema(id, _), .. })) => {
                self.table.schema(*id).is_some_and(|schema| schema.index.is_some())
            }
            _ => false,
        }
    }

    /// Whether a config that can be read through has all required attributes.
    fn check_required(&mut self, schema: &SchemaType, expr: &ast::SchemaExpr, items: Items<'_>) {
        let open = schema.sort == SchemaSort::Mixin || schema.index.is_some() || schema.computes;
        if open || schema.base.is_some() || !schema.mixins.is_empty() || self.body.is_some() {
            return;
        }
        let names = Names::of(items);
        let required = schema.attrs.iter().filter(|(_, attr)| !attr.optional && !attr.has_default);
        let mut missing = required.map(|(name, _)| *name).filter(|name| {
            let inherited = self.provided.as_ref().is_some_and(|provided| provided.contains(name));
            !inherited && !provided_by_args(schema, expr, *name) && !names.contains(*name)
        });
        let Some(first) = missing.next() else { return };
        if items.all().any(|item| first_name(item.item).is_none()) {
            return;
        }
        let names: Vec<Symbol> = std::iter::once(first).chain(missing).collect();
        for name in names {
            let message = format!("attribute `{name}` of `{}` is required", schema.name);
            let problem = self.problem(Code::Compile, expr.config.span, message);
            let place = schema.attrs.get(&name).map(|attr| attr.place);
            self.problems.push(self.note(problem, place, format!("`{name}` is declared here")));
        }
    }

    pub(super) fn config_expr(&mut self, config: &ast::Config) -> Type {
        self.block(Items::Plain(&config.items))
    }

    /// The type of a block of entries.
    pub(super) fn block(&mut self, items: Items<'_>) -> Type {
        let found = self.items(items, has_repeated_name(items), Found::for_items(items.len()));
        self.dict_type(found)
    }

    /// Walks the items of a block, of which some may have the same name.
    fn items(&mut self, items: Items<'_>, repeated: bool, mut found: Found) -> Found {
        self.enter();
        let siblings = if repeated { provided_by_siblings(items) } else { FxHashMap::default() };
        let file = self.file;
        for item in items.all() {
            self.file = item.file.unwrap_or(file);
            let provided = first_name(item.item).and_then(|name| siblings.get(&name).cloned());
            let before = std::mem::replace(&mut self.provided, provided);
            self.item(item, &mut found);
            self.provided = before;
        }
        self.file = file;
        self.leave();
        found
    }

    fn dict_type(&self, found: Found) -> Type {
        let Found { mut names, keys, values, attrs, idle: _ } = found;
        let key = match (names.len(), keys.is_empty()) {
            (0, true) => Type::Any,
            (1, true) => names.swap_remove(0),
            (_, true) => Type::Union(Arc::from(names)),
            _ => self.table.join(names.iter().chain(&keys)),
        };
        let value = self.table.join(&values);
        Type::Dict(Arc::new(DictType::new(key, value, Arc::new(attrs))))
    }

    fn item(&mut self, item: Item<'_>, found: &mut Found) {
        match item.item {
            ConfigItem::Entry(entry) => self.entry(entry, item.nested, found),
            ConfigItem::Unpack(value) => {
                let ty = self.expr(value);
                self.unpack(&ty, value.span, found);
            }
            ConfigItem::If(choice) => {
                let ty = self.config_if(choice);
                self.unpack(&ty, choice.span, found);
            }
        }
    }

    fn config_if(&mut self, choice: &ast::ConfigIf) -> Type {
        self.expr(&choice.test);
        let then = self.block(Items::Plain(&choice.items));
        let otherwise = match &*choice.otherwise {
            [] => return then,
            [ConfigItem::If(next)] => self.config_if(next),
            items => self.block(Items::Plain(items)),
        };
        self.table.join([&then, &otherwise])
    }

    /// `**value`, also what an `if` in a block gives.
    fn unpack(&mut self, ty: &Type, span: Span, found: &mut Found) {
        self.check_unpacked(ty, span, 0);
        match ty {
            Type::None | Type::Any => found.values.push(ty.clone()),
            Type::Dict(dict) => {
                found.keys.push(dict.key.clone());
                found.values.push(dict.value.clone());
                found.attrs.extend(dict.attrs.iter().map(|(name, attr)| (*name, attr.clone())));
            }
            Type::Schema(id, _) => {
                let Some(schema) = self.table.schema(*id) else { return };
                found.keys.push(Type::Str);
                found.values.push(schema.index.as_ref().map_or(Type::Any, |index| index.value.clone()));
                let attr = |(name, attr): (&Symbol, &super::ty::SchemaAttr)| {
                    (*name, DictAttr { ty: attr.ty.clone(), place: attr.place })
                };
                found.attrs.extend(schema.attrs.iter().map(attr));
            }
            Type::Union(members) if members.iter().all(Type::is_config) => {
                for member in members.iter() {
                    if let Type::Dict(dict) = member {
                        found.keys.push(dict.key.clone());
                        found.values.push(dict.value.clone());
                    } else {
                        found.keys.push(Type::Str);
                        found.values.push(Type::Any);
                    }
                }
            }
            _ => {
                let message = format!("`**` unpacks dicts and schemas, not `{}`", self.table.show(ty));
                self.report(Code::Compile, span, message);
            }
        }
    }

    /// Holds the known attributes of an unpacked value against what is expected of the block.
    fn check_unpacked(&mut self, ty: &Type, span: Span, depth: usize) {
        if !self.is_directed() || depth > DEEPEST {
            return;
        }
        match ty {
            Type::Dict(dict) => {
                for (name, attr) in dict.attrs.iter() {
                    self.check_unpacked_attr(*name, &attr.ty, attr.place, span, depth);
                }
            }
            Type::Schema(id, _) => {
                let Some(schema) = self.table.schema(*id) else { return };
                for (name, attr) in &schema.attrs {
                    self.check_unpacked_attr(*name, &attr.ty, attr.place, span, depth);
                }
            }
            _ => {}
        }
    }

    fn check_unpacked_attr(&mut self, name: Symbol, ty: &Type, from: Place, span: Span, depth: usize) {
        if let Some(Some(block)) = self.expected.last() {
            let block = block.ty.clone();
            self.check_key(name, &block, span, Some(from));
        }
        self.expect_name(name);
        if let Some(Some(Expected { ty: expected, place })) = self.expected.last().cloned()
            && expected != *ty
        {
            self.must_fit(ty, &expected, span, place);
            self.check_unpacked(ty, span, depth + 1);
        }
        self.expected.pop();
    }

    fn entry(&mut self, entry: &Entry, nested: Option<&[MergedItem<'_>]>, found: &mut Found) {
        let value = Value { expr: &entry.value, nested };
        match &entry.key {
            Key::Path(path) => self.named_entry(path, entry.op, value, found),
            Key::Str(name) => {
                let name = Ident { name: *name, span: entry.key_span };
                let ty = self.directed_value(&[name], entry.op, value);
                self.check_insert(&ty, entry.op, entry.value.span);
                self.keep(name, Type::key(name.name), ty, found);
            }
            Key::Index(path, at) => {
                let ty = self.indexed_value(path, *at, entry, value);
                self.check_insert(&ty, entry.op, entry.value.span);
                found.keys.push(Type::Str);
                found.values.push(if entry.op == EntryOp::Insert { ty } else { Type::list(ty) });
            }
            Key::Expr(key) => {
                let depth = self.expect_key(&entry.key);
                self.expected.push(None);
                let key_ty = self.expr(key);
                self.expected.pop();
                let ty = self.value(value);
                self.expected.truncate(depth);
                self.check_key_type(&key_ty, entry.key_span);
                self.check_insert(&ty, entry.op, entry.value.span);
                found.keys.push(key_ty);
                found.values.push(ty);
            }
        }
    }

    /// `a = 1`, `a.b = 1`: a longer path is a block in a block.
    fn named_entry(&mut self, path: &[Ident], op: EntryOp, value: Value<'_>, found: &mut Found) {
        let Some((name, rest)) = path.split_first() else { return };
        let ty = self.directed_value(path, op, value);
        let key = if self.loop_names.contains(&name.name) {
            self.expected.push(None);
            self.at = name.span;
            let key = self.name(name.name, name.span);
            self.expected.pop();
            key
        } else {
            Type::key(name.name)
        };
        self.check_key_type(&key, name.span);
        if rest.is_empty() {
            self.check_insert(&ty, op, value.expr.span);
        }
        self.keep(*name, key, ty, found);
    }

    /// The value of an entry, held against what is expected of its key.
    fn directed_value(&mut self, path: &[Ident], op: EntryOp, value: Value<'_>) -> Type {
        let Some((name, rest)) = path.split_first() else { return Type::Any };
        if let Some(Some(block)) = self.expected.last() {
            let block = block.ty.clone();
            self.check_key(name.name, &block, name.span, None);
        }
        self.expect_name(name.name);
        let ty = if rest.is_empty() { self.value(value) } else { self.nested_entry(rest, op, value) };
        if let Some(Some(Expected { ty: expected, place })) = self.expected.pop() {
            self.must_fit(&ty, &expected, name.span, place);
        }
        ty
    }

    fn nested_entry(&mut self, path: &[Ident], op: EntryOp, value: Value<'_>) -> Type {
        let before = self.provided.take();
        self.enter();
        let mut found = Found::default();
        self.named_entry(path, op, value, &mut found);
        self.leave();
        self.provided = before;
        self.dict_type(found)
    }

    fn indexed_value(&mut self, path: &[Ident], at: i64, entry: &Entry, value: Value<'_>) -> Type {
        if !self.is_directed() {
            let depth = self.expect_key(&entry.key);
            let ty = self.value(value);
            self.expected.truncate(depth);
            return ty;
        }
        _ = at;
        let depth = self.expected.len();
        for part in path {
            if let Some(Some(block)) = self.expected.last() {
                let block = block.ty.clone();
                self.check_key(part.name, &block, entry.key_span, None);
            }
            self.expect_name(part.name);
        }
        let ty = self.value(value);
        let whole = (1..path.len()).fold(ty.clone(), |ty, _| Type::dict(Type::Str, ty));
        if let Some(Some(Expected { ty: expected, place })) = self.expected.last().cloned() {
            self.must_fit(&whole, &expected, entry.key_span, place);
        }
        self.expected.truncate(depth);
        ty
    }

    fn value(&mut self, value: Value<'_>) -> Type {
        match (value.nested, &value.expr.kind) {
            (Some(items), ExprKind::Config(_)) => self.block(Items::Merged(items)),
            (Some(items), ExprKind::Schema(schema)) => self.schema_expr(schema, Some(items)),
            _ => self.expr(value.expr),
        }
    }

    fn keep(&mut self, name: Ident, key: Type, ty: Type, found: &mut Found) {
        if found.idle {
            return self.declare(name.name, ty, name.span);
        }
        let literal = matches!(key, Type::StrLit(_));
        let before = found.attrs.get(&name.name);
        if !literal {
            found.keys.push(key);
        } else if before.is_none() {
            found.names.push(key);
        }
        let joined = before.map_or_else(|| ty.clone(), |before| self.table.join([&before.ty, &ty]));
        let attr = DictAttr { ty: self.table.widen(&joined).bounded(), place: self.place(name.span) };
        found.attrs.insert(name.name, attr);
        self.declare(name.name, joined, name.span);
        found.values.push(ty);
    }

    fn check_insert(&mut self, ty: &Type, op: EntryOp, span: Span) {
        if op == EntryOp::Insert && !ty.is_any() && !ty.is_list() {
            let message = format!("`+=` inserts lists, not `{}`", self.table.show(ty));
            self.report(Code::IllegalAttribute, span, message);
        }
    }

    pub(super) fn check_key_type(&mut self, key: &Type, span: Span) {
        if !key.is_any() && !key.is_str() {
            let message = format!("keys are strings, not `{}`", self.table.show(key));
            self.report(Code::IllegalAttribute, span, message);
        }
    }
}

/// The name that an entry gives a value to, at the start of its path. Other items have none.
fn first_name(item: &ConfigItem) -> Option<Symbol> {
    let ConfigItem::Entry(entry) = item else { return None };
    match &entry.key {
        Key::Path(path) => path.first().map(|part| part.name),
        Key::Str(name) => Some(*name),
        Key::Index(..) | Key::Expr(_) => None,
    }
}

fn provided_by_args(schema: &SchemaType, expr: &ast::SchemaExpr, name: Symbol) -> bool {
    let Some(args) = &expr.args else { return false };
    let positional = schema.params.params.iter().take(args.positional.len());
    positional
        .map(|param| param.name)
        .chain(args.keywords.iter().map(|(key, _)| key.name))
        .any(|one| one == name)
}

/// From more items on, names are looked for in a set.
const FEW: usize = 16;

/// The names that the entries of a block start with.
enum Names<'m> {
    Few(Items<'m>),
    Many(FxHashSet<Symbol>),
}

impl<'m> Names<'m> {
    fn of(items: Items<'m>) -> Self {
        if items.len() <= FEW {
            return Self::Few(items);
        }
        Self::Many(items.all().filter_map(|item| first_name(item.item)).collect())
    }

    fn contains(&self, name: Symbol) -> bool {
        match self {
            Self::Few(items) => items.all().any(|item| first_name(item.item) == Some(name)),
            Self::Many(names) => names.contains(&name),
        }
    }
}

/// Whether several entries of a block have the same name.
fn has_repeated_name(items: Items<'_>) -> bool {
    let names = || items.all().filter_map(|item| first_name(item.item));
    if items.len() <= FEW {
        return names().enumerate().any(|(at, name)| names().take(at).any(|other| other == name));
    }
    let mut seen = FxHashSet::default();
    !names().all(|name| seen.insert(name))
}

/// The attributes that all entries of a name provide together, where they provide any.
fn provided_by_siblings(items: Items<'_>) -> FxHashMap<Symbol, Rc<FxHashSet<Symbol>>> {
    let mut all: FxHashMap<Symbol, FxHashSet<Symbol>> = FxHashMap::default();
    for item in items.all() {
        let (Some(name), ConfigItem::Entry(entry)) = (first_name(item.item), item.item) else { continue };
        let provided = all.entry(name).or_default();
        if let Key::Path(path) = &entry.key
            && let Some(second) = path.get(1)
        {
            provided.insert(second.name);
            continue;
        }
        match (item.nested, &entry.value.kind) {
            (Some(items), _) => provided.extend(items.iter().filter_map(|item| first_name(item.item))),
            (None, ExprKind::Config(config)) => provided.extend(config.items.iter().filter_map(first_name)),
            (None, ExprKind::Schema(schema)) => {
                provided.extend(schema.config.items.iter().filter_map(first_name));
            }
            _ => {}
        }
    }
    all.retain(|_, provided| !provided.is_empty());
    all.into_iter().map(|(name, provided)| (name, Rc::new(provided))).collect()
}
