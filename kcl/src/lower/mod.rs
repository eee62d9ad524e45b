//! Resolved trees to code.
//!
//! One package at a time, after those that it imports: what an import's member means is known when it is read.
//! Nothing fails here. What does not resolve becomes `Undefined`; the checker has said so by then.

pub mod code;
mod config;
pub mod effect;
mod expr;
pub mod fingerprint;
pub(crate) mod inert;
pub(crate) mod layout;
pub(crate) mod order;
mod repeat;
mod schema;
mod scope;
mod stmt;
mod types;

pub(crate) use self::schema::RULE;

use std::sync::{Arc, OnceLock};

use rustc_hash::{FxHashMap, FxHashSet};
use syntax::ast::{self, EntryOp, Path};
use syntax::{Span, Symbol};

use self::code::{
    ConfigCode, ConfigItem, Const, EntryCode, Expr, ExprKind, FileCode, Global, GlobalKind, KeyCode,
    PackageCode, RuleCode, SchemaCode, Setter, StmtId, Type,
};
use self::scope::{Body, BodyKind};
use crate::package::{ImportTarget, Package, PackageId};
use crate::resolve::merge::Merged;
use crate::resolve::{Main, Program, Start, Tail, TailCode};
use crate::stdlib;
use crate::value::SchemaId;

/// The code of packages that are lowered already.
pub trait Codes {
    /// The code of an imported package; `None` where it could not be lowered.
    fn code(&self, id: PackageId) -> Option<&PackageCode>;
}

impl Codes for Program {
    fn code(&self, id: PackageId) -> Option<&PackageCode> {
        Self::code(self, id)
    }
}

/// Lowers a package.
#[must_use]
pub(crate) fn lower(package: &Package, codes: &dyn Codes) -> PackageCode {
    Lower::new(package, None, codes).package(None)
}

/// Lowers a main package. `merged` says which of its declarations became one.
#[must_use]
pub fn lower_main(main: &Main, merged: &Merged<'_>, codes: &dyn Codes) -> PackageCode {
    Lower::new(&main.package, Some(merged), codes).package(main.tail.as_deref())
}

/// What a global is declared as, before any code is lowered.
enum Declared<'a> {
    Variable,
    Schema(u32, &'a ast::Schema),
    Rule(u32, &'a ast::Rule),
    Alias(usize, &'a ast::Type),
}

struct Lower<'a> {
    package: &'a Package,
    merged: Option<&'a Merged<'a>>,
    codes: &'a dyn Codes,
    /// In order of first appearance.
    globals: Vec<(Symbol, Declared<'a>)>,
    slots: FxHashMap<Symbol, u32>,
    setters: Vec<Vec<Setter>>,
    aliases: FxHashMap<Symbol, Type>,
    schemas: Vec<SchemaCode>,
    rules: Vec<RuleCode>,
    /// How many schemas and rules are declared.
    schema_count: u32,
    rule_count: u32,
    /// The file whose names count.
    file: usize,
    bodies: Vec<Body>,
    /// Number of the schema whose body or checks are being lowered.
    schema: Option<u32>,
    stmts: u32,
    lambdas: u32,
    attrs: u32,
    arms: u32,
    /// The number of globals that are declared before the last file.
    last: u32,
}

impl<'a> Lower<'a> {
    fn new(package: &'a Package, merged: Option<&'a Merged<'a>>, codes: &'a dyn Codes) -> Self {
        Self {
            package,
            merged,
            codes,
            globals: Vec::new(),
            slots: FxHashMap::default(),
            setters: Vec::new(),
            aliases: FxHashMap::default(),
            schemas: Vec::new(),
            rules: Vec::new(),
            schema_count: 0,
            rule_count: 0,
            file: 0,
            bodies: Vec::new(),
            schema: None,
            stmts: 0,
            lambdas: 0,
            attrs: 0,
            arms: 0,
            last: 0,
        }
    }

    fn package(mut self, tail: Option<&Tail>) -> PackageCode {
        self.declare();
        self.resolve_aliases();
        self.schemas.reserve_exact(self.schema_count as usize);
        let own = self.package.files.len() - usize::from(tail.is_some());
        let mut files: Vec<_> = (0..own).map(|file| Arc::new(self.file(file))).collect();
        files.extend(tail.map(|tail| self.tail(tail)));
        self.finish(files)
    }

    /// Finds the globals. Variables come in the order of their first statement, over all files.
    fn declare(&mut self) {
        let package = self.package;
        for (file, unit) in package.files.iter().enumerate() {
            self.last = self.globals.len() as u32;
            for (at, stmt) in unit.file.tree.body.iter().enumerate() {
                if !self.vanished(file, at) {
                    self.declare_stmt(file, stmt);
                }
            }
        }
        self.setters.resize_with(self.globals.len(), Vec::new);
    }

    fn vanished(&self, file: usize, stmt: usize) -> bool {
        self.merged.is_some_and(|merged| merged.vanished(file, stmt))
    }

    fn declare_stmt(&mut self, file: usize, stmt: &'a ast::Stmt) {
        use ast::StmtKind as Kind;
        match &stmt.kind {
            Kind::Assign(assign) => {
                for target in &assign.targets {
                    self.declare_name(target.name.name, Declared::Variable);
                }
            }
            Kind::AugAssign(assign) => self.declare_name(assign.target.name.name, Declared::Variable),
            Kind::Unify(unify) => self.declare_name(unify.name.name, Declared::Variable),
            Kind::If(branch) => {
                for inner in branch.body.iter().chain(&branch.otherwise) {
                    self.declare_stmt(file, inner);
                }
            }
            Kind::Schema(schema) => {
                self.declare_name(schema.name.name, Declared::Schema(self.schema_count, schema));
            }
            Kind::Rule(rule) => {
                self.declare_name(rule.name.name, Declared::Rule(self.rule_count, rule));
            }
            Kind::TypeAlias(alias) => self.declare_name(alias.name.name, Declared::Alias(file, &alias.ty)),
            Kind::Import(_) | Kind::Assert(_) | Kind::Expr(_) | Kind::Attr(_) => {}
        }
    }

    /// Of two with one name, the first counts.
    fn declare_name(&mut self, name: Symbol, kind: Declared<'a>) {
        let slot = self.globals.len() as u32;
        if *self.slots.entry(name).or_insert(slot) != slot {
            return;
        }
        match kind {
            Declared::Schema(..) => self.schema_count += 1,
            Declared::Rule(..) => self.rule_count += 1,
            Declared::Variable | Declared::Alias(..) => {}
        }
        self.globals.push((name, kind));
    }

    fn resolve_aliases(&mut self) {
        let names: Vec<Symbol> = self.globals.iter().map(|(name, _)| *name).collect();
        for name in names {
            self.alias(name, &mut FxHashSet::default());
        }
    }

    /// Whether a schema is what its name stands for; of two with one name, the first is.
    fn is_declared(&self, schema: &ast::Schema) -> bool {
        let slot = self.slots.get(&schema.name.name).map(|slot| *slot as usize);
        slot.is_some_and(
            |slot| matches!(self.globals[slot].1, Declared::Schema(_, it) if std::ptr::eq(it, schema)),
        )
    }

    fn is_declared_rule(&self, rule: &ast::Rule) -> bool {
        let slot = self.slots.get(&rule.name.name).map(|slot| *slot as usize);
        slot.is_some_and(
            |slot| matches!(self.globals[slot].1, Declared::Rule(_, it) if std::ptr::eq(it, rule)),
        )
    }

    fn file(&mut self, file: usize) -> FileCode {
        self.file = file;
        self.bodies.push(Body::new(BodyKind::File));
        let package = self.package;
        let unit = &package.files[file];
        let mut body = Vec::with_capacity(unit.file.tree.body.len());
        for (at, stmt) in unit.file.tree.body.iter().enumerate() {
            if self.vanished(file, at) {
                continue;
            }
            self.global_stmt(file, at, stmt, &mut body);
        }
        let locals = self.bodies.pop().map_or(0, |body| body.locals);
        FileCode { path: unit.file.path.clone(), source: unit.file.source.clone(), body, locals, parts: None }
    }

    /// The last file, lowered already where other stacks have it and it begins with the same numbers there.
    fn tail(&mut self, tail: &Tail) -> Arc<FileCode> {
        let file = self.package.files.len() - 1;
        let Self { last, stmts, lambdas, arms, .. } = *self;
        let start = Start { file: file as u32, global: last, stmt: stmts, lambda: lambdas, arm: arms };
        // What is an alias inside of a lambda is one for all that is lowered after it.
        let alone = self.aliases.is_empty();
        if let Some(known) = tail.code(start).filter(|_| alone) {
            for (slot, setter) in &known.setters {
                self.setters[*slot as usize].push(*setter);
            }
            return Arc::clone(&known.file);
        }
        let mut code = self.file(file);
        let shared = alone && self.aliases.is_empty();
        code.parts = shared.then(OnceLock::new);
        let code = Arc::new(code);
        if shared {
            let setters = self.setters.iter().enumerate().skip(last as usize);
            let setters = setters.flat_map(|(slot, all)| all.iter().map(move |it| (slot as u32, *it)));
            tail.keep(TailCode { start, file: Arc::clone(&code), setters: setters.collect() });
        }
        code
    }

    fn finish(self, files: Vec<Arc<FileCode>>) -> PackageCode {
        let Self { package, globals, slots, setters, mut aliases, schemas, rules, .. } = self;
        let kind = |name: Symbol, declared: Declared<'_>, setters: Vec<Setter>| match declared {
            Declared::Variable => GlobalKind::Variable(setters),
            Declared::Schema(number, ..) => GlobalKind::Schema(number),
            Declared::Rule(number, ..) => GlobalKind::Rule(number),
            Declared::Alias(..) => GlobalKind::Alias(aliases.remove(&name).unwrap_or(Type::Any)),
        };
        let mut kind = kind;
        let globals = globals
            .into_iter()
            .zip(setters)
            .map(|((name, declared), setters)| Global { name, kind: kind(name, declared, setters) })
            .collect();
        PackageCode { id: package.id, name: package.name, files, globals, slots, schemas, rules }
    }

    fn next_stmt(&mut self) -> StmtId {
        self.stmts += 1;
        StmtId { package: self.package.id.0.wrapping_add(1), stmt: self.stmts }
    }

    fn next_lambda(&mut self) -> u32 {
        self.lambdas += 1;
        self.lambdas - 1
    }

    /// The number of the first of two arms.
    fn next_arms(&mut self) -> u32 {
        self.arms += 2;
        self.arms - 2
    }

    /// What may not be evaluated with the expression around it; a mere name or the like has nothing to be told apart for.
    fn arm(&mut self, expr: Expr) -> Expr {
        let Expr { kind, span } = expr;
        let kind = match kind {
            kind @ (ExprKind::Local(..)
            | ExprKind::Captured(..)
            | ExprKind::Attr(..)
            | ExprKind::Global(_)
            | ExprKind::GlobalNow(_)
            | ExprKind::Foreign(..)
            | ExprKind::Function(_)
            | ExprKind::Const(Const::Undefined | Const::None | Const::Bool(_))) => kind,
            kind => ExprKind::Arm(self.next_arms(), Box::new(Expr { kind, span })),
        };
        Expr { kind, span }
    }

    /// What one element is taken of: of a literal of constants the others are no matter.
    fn indexed(&mut self, mut value: Expr) -> Expr {
        if let ExprKind::Config(config) = &mut value.kind
            && is_of_constants(config)
        {
            config.is_table = true;
            for item in &mut config.items {
                let ConfigItem::Entry(EntryCode { value, .. }) = item else { continue };
                let span = value.span;
                let constant = std::mem::replace(&mut value.kind, ExprKind::Const(Const::Undefined));
                value.kind = ExprKind::Arm(self.next_arms(), Box::new(Expr { kind: constant, span }));
            }
        }
        value
    }

    fn next_attr(&mut self) -> u32 {
        self.attrs += 1;
        self.attrs - 1
    }

    fn body(&mut self) -> &mut Body {
        let last = self.bodies.len() - 1;
        &mut self.bodies[last]
    }

    /// Whether the innermost body that is not a lambda is a schema's.
    fn in_schema(&self) -> bool {
        self.bodies
            .iter()
            .rev()
            .find(|body| body.kind != BodyKind::Lambda)
            .is_some_and(|b| b.kind == BodyKind::Schema)
    }

    /// What an imported name leads to, unless a local hides it.
    fn import(&self, name: Symbol) -> Option<ImportTarget> {
        if self.bodies.iter().any(|body| body.find_var(name).is_some()) {
            return None;
        }
        self.package.files.get(self.file)?.imports.get(&name).map(|binding| binding.target)
    }

    /// The global of another package.
    fn foreign(&self, package: PackageId, name: Symbol, span: Span) -> Expr {
        let slot = self.codes.code(package).and_then(|code| code.slots.get(&name).copied());
        let kind = slot.map_or(ExprKind::Const(Const::Undefined), |slot| ExprKind::Foreign(package, slot));
        Expr { kind, span }
    }

    /// A member of a system module.
    fn system(&self, module: &str, name: Symbol, span: Span) -> Expr {
        let kind = match stdlib::module_member(module, name.as_str()) {
            Some(stdlib::Member::Function(function)) => ExprKind::Function(function),
            Some(stdlib::Member::Int(value)) => ExprKind::Const(Const::Int(value)),
            Some(stdlib::Member::Float(value)) => ExprKind::Const(Const::Float(value)),
            None => ExprKind::Const(Const::Undefined),
        };
        Expr { kind, span }
    }

    /// What a name means outside of all bodies: a global, or a builtin.
    fn global(&self, name: Symbol, span: Span) -> Expr {
        let kind = match self.slots.get(&name) {
            Some(slot)
                if self.in_schema() && self.bodies.last().is_some_and(|b| b.kind == BodyKind::Schema) =>
            {
                ExprKind::GlobalNow(*slot)
            }
            Some(slot) => ExprKind::Global(*slot),
            None => {
                stdlib::builtin(name.as_str()).map_or(ExprKind::Const(Const::Undefined), ExprKind::Function)
            }
        };
        Expr { kind, span }
    }

    /// The schema of a name in the current file: a declaration, or an alias of one.
    fn schema_id(&self, path: &Path) -> Option<SchemaId> {
        match &**path {
            [name] => match self.globals.get(*self.slots.get(&name.name)? as usize)? {
                (_, Declared::Schema(number, ..)) => {
                    Some(SchemaId { package: self.package.id.0, schema: *number })
                }
                (name, Declared::Alias(..)) => schema_of(self.aliases.get(name)?),
                _ => None,
            },
            [alias, name] => {
                let Some(ImportTarget::Package(id)) = self.import(alias.name) else { return None };
                let code = self.codes.code(id)?;
                match &code.globals.get(*code.slots.get(&name.name)? as usize)?.kind {
                    GlobalKind::Schema(number) => Some(SchemaId { package: id.0, schema: *number }),
                    GlobalKind::Alias(ty) => schema_of(ty),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

fn schema_of(ty: &Type) -> Option<SchemaId> {
    match ty {
        Type::Schema(id, _) => Some(*id),
        _ => None,
    }
}

/// Whether all entries are constants, and none of them is there twice.
fn is_of_constants(config: &ConfigCode) -> bool {
    let mut keys = FxHashSet::default();
    !config.items.is_empty()
        && config.items.iter().all(|item| match item {
            ConfigItem::Entry(EntryCode { key: KeyCode::Const(key), op, index: None, value, .. }) => {
                *op != EntryOp::Insert
                    && matches!(value.kind, ExprKind::Const(_))
                    && keys.insert(key.as_str())
            }
            _ => false,
        })
}
