//! Schemas, mixins, protocols and rules: what they are, and whether they may be so.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use syntax::ast::{self, Ident, SchemaKind, StmtKind, TypeKind};
use syntax::{Code, Span, Symbol};

use super::checker::Checker;
use super::stmt::{assigned_names, is_reserved};
use super::ty::{FunctionType, IndexType, Ordered, SchemaAttr, SchemaRef, SchemaSort, SchemaType, Type};

/// How often attributes are handed on by mixins of mixins.
const ROUNDS: usize = 3;

/// A declaration, and the file that it is in.
#[derive(Clone, Copy)]
enum Declaration<'a> {
    Schema(&'a ast::Schema),
    Rule(&'a ast::Rule),
}

impl<'a> Checker<'a> {
    /// Makes the types of all schemas, then checks how they belong together.
    pub(super) fn schemas(&mut self) {
        let found = self.top_stmts().filter_map(|(file, stmt)| match &stmt.kind {
            StmtKind::Schema(schema) => Some((file, Declaration::Schema(schema))),
            StmtKind::Rule(rule) => Some((file, Declaration::Rule(rule))),
            _ => None,
        });
        let found: Vec<(usize, Declaration<'a>)> = found.collect();
        let mut types = Vec::with_capacity(found.len());
        for (file, declaration) in &found {
            self.file = *file;
            let id = SchemaRef { package: self.package.id, index: types.len() as u32 };
            types.push(match declaration {
                Declaration::Schema(schema) => self.schema_type(id, schema),
                Declaration::Rule(rule) => self.rule_type(id, rule),
            });
        }
        self.break_circles(&mut types);
        self.inherit_types(&mut types);
        self.mix_in(&mut types);
        for ty in types {
            self.table.own.schemas.push(Box::new(ty));
        }
        for (at, (file, declaration)) in found.into_iter().enumerate() {
            self.file = file;
            let Some(ty) = self.table.own.schemas.get(at) else { continue };
            match declaration {
                Declaration::Schema(schema) => self.check_schema(schema, ty),
                Declaration::Rule(rule) => self.check_rule(rule),
            }
        }
    }

    fn schema_type(&mut self, id: SchemaRef, schema: &ast::Schema) -> SchemaType {
        let params = self.params(&schema.params);
        let sort = match schema.kind {
            SchemaKind::Protocol => SchemaSort::Protocol,
            SchemaKind::Mixin => SchemaSort::Mixin,
            SchemaKind::Schema if is_mixin_name(schema.name.name) => SchemaSort::Mixin,
            SchemaKind::Schema if is_protocol_name(schema.name.name) => SchemaSort::Protocol,
            SchemaKind::Schema => SchemaSort::Schema,
        };
        let index = schema.index.as_ref().map(|index| IndexType {
            key_name: index.key_name.map(|name| name.name),
            key: self.annotation(&index.key),
            value: self.annotation(&index.value),
            any_other: index.any_other,
        });
        SchemaType {
            id,
            name: schema.name.name,
            sort,
            base: self.schema_named(schema.base.as_ref()),
            protocol: self.schema_named(schema.host.as_ref()),
            mixins: schema.mixins.iter().filter_map(|mixin| self.schema_named(Some(mixin))).collect(),
            attrs: self.attributes(schema),
            params: Arc::new(FunctionType { params, result: Type::Schema(id, true), variadic: false }),
            index,
            computes: schema
                .body
                .iter()
                .any(|stmt| !matches!(stmt.kind, StmtKind::Attr(_) | StmtKind::Unify(_))),
            place: self.place(schema.name.span),
        }
    }

    fn rule_type(&mut self, id: SchemaRef, rule: &ast::Rule) -> SchemaType {
        let mut params = self.params(&rule.params);
        // A rule without its arguments is refused only where it uses them.
        params.iter_mut().for_each(|param| param.has_default = true);
        SchemaType {
            id,
            name: rule.name.name,
            sort: SchemaSort::Rule,
            base: None,
            protocol: self.schema_named(rule.host.as_ref()),
            mixins: rule.parents.iter().filter_map(|parent| self.schema_named(Some(parent))).collect(),
            attrs: Ordered::default(),
            params: Arc::new(FunctionType { params, result: Type::Schema(id, true), variadic: false }),
            index: None,
            computes: true,
            place: self.place(rule.name.span),
        }
    }

    /// The schema of a name, without a word where there is none: that is checked later.
    fn schema_named(&mut self, path: Option<&ast::Path>) -> Option<SchemaRef> {
        let path = path?;
        match self.quietly(|this| this.path(path, path_span(path))) {
            Type::Schema(id, _) => Some(id),
            _ => None,
        }
    }

    /// The declared attributes; of several declarations of one name the first counts.
    fn attributes(&mut self, schema: &ast::Schema) -> Ordered<SchemaAttr> {
        let mut attrs: Ordered<SchemaAttr> = Ordered::default();
        for stmt in &schema.body {
            let (name, declared) = match &stmt.kind {
                StmtKind::Attr(attr) => {
                    let has_default = attr.value.is_some() || is_single_literal(&attr.ty);
                    let ty = self.annotation(&attr.ty);
                    let place = self.place(attr.name.span);
                    (attr.name.name, SchemaAttr { ty, optional: attr.optional, has_default, place })
                }
                StmtKind::Unify(unify) => {
                    let ty = match self.path(&unify.value.name, unify.value.name_span) {
                        Type::Schema(id, _) => Type::Schema(id, false),
                        _ => Type::Any,
                    };
                    let place = self.place(unify.name.span);
                    (unify.name.name, SchemaAttr { ty, optional: false, has_default: true, place })
                }
                _ => continue,
            };
            attrs.entry(name).or_insert(declared);
        }
        attrs
    }

    /// Schemas that extend themselves through others are refused, and extend nothing from here on.
    fn break_circles(&mut self, types: &mut [SchemaType]) {
        for at in 0..types.len() {
            let mut names = vec![types[at].name];
            let mut next = types[at].base;
            while let Some(base) = next.filter(|base| base.package == self.package.id) {
                let index = base.index as usize;
                if index == at {
                    self.circle(&types[at], &names);
                    types[at].base = None;
                    break;
                }
                let Some(schema) = types.get(index).filter(|_| names.len() <= types.len()) else { break };
                names.push(schema.name);
                next = schema.base;
            }
        }
    }

    fn circle(&mut self, schema: &SchemaType, names: &[Symbol]) {
        // A schema that extends itself at once is taken for one that extends nothing.
        if names.len() < 2 {
            return;
        }
        let names: Vec<&str> = names.iter().chain(names.first()).map(|name| name.as_str()).collect();
        let message = format!("schemas extend each other in a circle: `{}`", names.join("` → `"));
        self.file = schema.place.file as usize;
        self.report(Code::Compile, schema.place.span, message);
    }

    /// An attribute that is declared again without a type of its own has that of the base.
    fn inherit_types(&self, types: &mut [SchemaType]) {
        for at in 0..types.len() {
            let names: Vec<Symbol> = types[at].attrs.keys().copied().collect();
            for name in names {
                let Some(inherited) = self.inherited(types, at, name) else { continue };
                if let Some(attr) = types[at].attrs.get_mut(&name) {
                    attr.optional |= inherited.optional;
                    attr.has_default |= inherited.has_default;
                }
            }
        }
    }

    /// An attribute of the bases of a schema, while the types of this package are made.
    fn inherited(&self, types: &[SchemaType], at: usize, name: Symbol) -> Option<SchemaAttr> {
        let mut next = types[at].base;
        for _ in 0..=types.len() {
            let base = next?;
            if base.package != self.package.id {
                return self.table.attr(self.table.schema(base)?, name).cloned();
            }
            let schema = types.get(base.index as usize)?;
            if let Some(attr) = schema.attrs.get(&name) {
                return Some(attr.clone());
            }
            next = schema.base;
        }
        None
    }

    /// Hands the attributes of mixins to their hosts.
    fn mix_in(&self, types: &mut [SchemaType]) {
        for _ in 0..ROUNDS {
            let mut changed = false;
            for at in 0..types.len() {
                for mixin in types[at].mixins.clone() {
                    if types[at].sort == SchemaSort::Rule {
                        continue;
                    }
                    let own = mixin.package == self.package.id;
                    let found = if own { types.get(mixin.index as usize) } else { self.table.schema(mixin) };
                    let attrs = found.map(|mixin| mixin.attrs.clone()).unwrap_or_default();
                    let known = &mut types[at].attrs;
                    for (name, attr) in attrs {
                        changed |= !known.contains_key(&name);
                        known.entry(name).or_insert(attr);
                    }
                }
            }
            if !changed {
                return;
            }
        }
    }

    fn check_schema(&mut self, schema: &ast::Schema, ty: &SchemaType) {
        self.check_name(schema, ty);
        self.decorators(&schema.decorators);
        if let Some(base) = &schema.base {
            self.check_base(base);
        }
        if let Some(host) = &schema.host {
            self.check_host(ty.sort, host);
        }
        for mixin in &schema.mixins {
            self.check_mixin(mixin);
            if ty.sort == SchemaSort::Protocol {
                self.only_attributes(ty, path_span(mixin));
            }
        }
        self.check_params(schema);
        self.check_index(schema, ty);
        for stmt in &schema.body {
            match &stmt.kind {
                StmtKind::Attr(attr) => {
                    self.decorators(&attr.decorators);
                    self.check_attr(attr, ty);
                }
                _ if ty.sort == SchemaSort::Protocol => self.only_attributes(ty, stmt.span),
                _ => {}
            }
        }
    }

    fn only_attributes(&mut self, ty: &SchemaType, span: Span) {
        let message = format!("the protocol `{}` may declare attributes only", ty.name);
        let problem = self.problem(Code::Compile, span, message);
        self.problems.push(self.note(problem, Some(ty.place), format!("`{}` is declared here", ty.name)));
    }

    fn check_name(&mut self, schema: &ast::Schema, ty: &SchemaType) {
        let (name, span) = (schema.name.name, schema.name.span);
        if is_reserved(name) {
            self.report(Code::Compile, span, format!("`{name}` is a builtin type, and no name for a schema"));
        }
        if ty.sort == SchemaSort::Protocol && !is_protocol_name(name) {
            let problem = self.problem(
                Code::Name,
                span,
                format!("the name of the protocol `{name}` does not end in `Protocol`"),
            );
            self.problems.push(problem.hint(format!("call it `{name}Protocol`")));
        }
    }

    /// What a name in a schema's head leads to.
    fn head(&mut self, path: &ast::Path) -> Option<(Type, Option<&'a SchemaType>)> {
        let before = self.problems.len();
        let ty = self.path(path, path_span(path));
        if ty.is_any() && self.problems.len() > before {
            return None;
        }
        let schema = if let Type::Schema(id, _) = ty { self.table.schema(id) } else { None };
        Some((ty, schema))
    }

    fn check_base(&mut self, path: &ast::Path) {
        let Some((found, base)) = self.head(path) else { return };
        let text = Self::path_text(path);
        let message = match base.map(|base| base.sort) {
            None if found.is_any() && path.len() > 1 => return,
            None => format!("`{text}` is no schema to extend: its type is `{}`", self.table.show(&found)),
            Some(SchemaSort::Mixin) => {
                format!("the mixin `{text}` cannot be extended")
            }
            Some(SchemaSort::Protocol) => format!("the protocol `{text}` cannot be extended"),
            Some(_) => return,
        };
        let problem = self.problem(Code::IllegalInherit, path_span(path), message);
        let place = base.map(|base| base.place);
        let problem = self.note(problem, place, format!("`{text}` is declared here"));
        self.problems.push(match base.map(|base| base.sort) {
            Some(SchemaSort::Mixin) => problem.hint(format!("use `mixin [{text}]` in the body instead")),
            _ => problem,
        });
    }

    fn check_host(&mut self, sort: SchemaSort, path: &ast::Path) {
        let Some((found, host)) = self.head(path) else { return };
        let text = Self::path_text(path);
        let message = match host.map(|host| host.sort) {
            None if found.is_any() => return,
            Some(SchemaSort::Protocol) if sort != SchemaSort::Mixin => {
                "only mixins and rules may be `for` a protocol".to_owned()
            }
            Some(SchemaSort::Protocol) => return,
            _ => format!("`{text}` is no protocol"),
        };
        self.report(Code::IllegalInherit, path_span(path), message);
    }

    fn check_mixin(&mut self, path: &ast::Path) {
        let Some((found, mixin)) = self.head(path) else { return };
        let text = Self::path_text(path);
        let mixes = mixin.is_some_and(|mixin| mixin.sort == SchemaSort::Mixin && is_mixin_name(mixin.name));
        if mixes || found.is_any() && path.len() > 1 {
            return;
        }
        let problem = match mixin {
            Some(mixin) if !is_mixin_name(mixin.name) => {
                let problem = self.problem(
                    Code::Name,
                    path_span(path),
                    format!("the name of the mixin `{text}` does not end in `Mixin`"),
                );
                self.note(problem, Some(mixin.place), format!("`{text}` is declared here"))
            }
            _ => self.problem(Code::IllegalInherit, path_span(path), format!("`{text}` is no mixin")),
        };
        self.problems.push(problem);
    }

    /// Parameters and attributes are different names.
    fn check_params(&mut self, schema: &ast::Schema) {
        if schema.params.is_empty() {
            return;
        }
        let attributes = assigned_names(&schema.body);
        for param in &schema.params {
            let Ident { name, span } = param.name;
            if let Some(attribute) = attributes.iter().find(|one| one.name == name) {
                let message = format!("`{name}` is a parameter and an attribute of `{}`", schema.name.name);
                let problem = self.problem(Code::Compile, span, message);
                let place = self.place(attribute.span);
                self.problems.push(self.note(problem, Some(place), "the attribute is here"));
            }
        }
    }

    fn check_attr(&mut self, attr: &ast::Attr, schema: &SchemaType) {
        let (name, span) = (attr.name.name, attr.name.span);
        let declared = self.quietly(|this| this.annotation(&attr.ty));
        let first = schema.attrs.get(&name);
        if let Some(first) = first.filter(|first| first.place != self.place(span)) {
            self.check_redeclared(name, &declared, attr.optional, &first.clone(), span);
        }
        let Some(base) = schema.base.and_then(|base| self.table.schema(base)) else { return };
        if let Some(inherited) = self.table.attr(base, name) {
            self.check_redeclared(name, &declared, attr.optional, inherited, span);
        }
    }

    fn check_redeclared(&mut self, name: Symbol, ty: &Type, optional: bool, before: &SchemaAttr, span: Span) {
        let message = if !self.table.includes(&before.ty, ty) {
            let (new, old) = (self.table.show(ty), self.table.show(&before.ty));
            format!("the type of `{name}` cannot change from `{old}` to `{new}`")
        } else if optional && !before.optional {
            format!("the required attribute `{name}` cannot become optional")
        } else {
            return;
        };
        let problem = self.problem(Code::Type, span, message);
        self.problems.push(self.note(
            problem,
            Some(before.place),
            format!("`{name}` is declared here first"),
        ));
    }

    fn check_index(&mut self, schema: &ast::Schema, ty: &SchemaType) {
        let (Some(written), Some(index)) = (&schema.index, &ty.index) else { return };
        if !index.key.all(Type::is_str) {
            let message =
                format!("keys of an index signature are strings, not `{}`", self.table.show(&index.key));
            let problem = self.problem(Code::IndexSignature, written.key.span, message);
            self.problems.push(self.note(problem, Some(ty.place), format!("in `{}`", ty.name)));
        }
        if let Some(name) = &written.key_name
            && ty.attrs.contains_key(&name.name)
        {
            let message = format!("`{}` is an attribute, and no name for the key", name.name);
            self.report(Code::IndexSignature, name.span, message);
        }
        if index.any_other {
            return;
        }
        let own = |stmt: &ast::Stmt| match &stmt.kind {
            StmtKind::Attr(attr) => Some(attr.name.name),
            StmtKind::Unify(unify) => Some(unify.name.name),
            _ => None,
        };
        let own: FxHashSet<Symbol> = schema.body.iter().filter_map(own).collect();
        for (name, attr) in ty.attrs.iter().filter(|(name, _)| own.contains(*name)) {
            if self.table.includes(&index.value, &attr.ty) {
                continue;
            }
            let (got, wanted) = (self.table.show(&attr.ty), self.table.show(&index.value));
            let message =
                format!("the type `{got}` of `{name}` is not that of the index signature, `{wanted}`");
            let problem = self.problem(Code::IndexSignature, attr.place.span, message);
            let problem = self.note(problem, Some(self.place(written.span)), "the index signature is here");
            self.problems.push(problem.hint("with `...` before the key, declared attributes need not fit"));
        }
    }

    fn check_rule(&mut self, rule: &ast::Rule) {
        self.decorators(&rule.decorators);
        if is_reserved(rule.name.name) {
            let message = format!("`{}` is a builtin type, and no name for a rule", rule.name.name);
            self.report(Code::Compile, rule.name.span, message);
        }
        for parent in &rule.parents {
            let Some((found, parent_type)) = self.head(parent) else { continue };
            if !found.is_any() && parent_type.is_none_or(|parent| parent.sort != SchemaSort::Rule) {
                let message = format!("`{}` is no rule", Self::path_text(parent));
                self.report(Code::IllegalInherit, path_span(parent), message);
            }
        }
        if let Some(host) = &rule.host {
            let Some((found, schema)) = self.head(host) else { return };
            if !found.is_any() && schema.is_none_or(|host| host.sort != SchemaSort::Protocol) {
                let message = format!("`{}` is no protocol", Self::path_text(host));
                self.report(Code::IllegalInherit, path_span(host), message);
            }
        }
    }
}

fn path_span(path: &ast::Path) -> Span {
    match (path.first(), path.last()) {
        (Some(first), Some(last)) => first.span.to(last.span),
        _ => Span::default(),
    }
}

/// An attribute of such a type needs no value: there is but one.
fn is_single_literal(ty: &ast::Type) -> bool {
    matches!(
        ty.kind,
        TypeKind::LitBool(_)
            | TypeKind::LitInt(_)
            | TypeKind::LitFloat(_)
            | TypeKind::LitStr(_)
            | TypeKind::LitUnit(_)
    )
}

fn is_protocol_name(name: Symbol) -> bool {
    name.as_str().ends_with("Protocol")
}

fn is_mixin_name(name: Symbol) -> bool {
    name.as_str().ends_with("Mixin")
}
