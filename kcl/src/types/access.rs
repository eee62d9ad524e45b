//! Members and elements of values.

use std::sync::Arc;

use syntax::ast::{self, ExprKind};
use syntax::{Code, Diagnostic, Span, Symbol};

use super::checker::Checker;
use super::signature;
use super::ty::{FunctionType, ModuleType, Param, SchemaRef, SchemaSort, Type};
use crate::package::{ImportTarget, PackageId};
use crate::resolve::nearest::nearest;
use crate::stdlib::{self, Member};

/// What looking for a member led to.
enum Loaded {
    Found(Type),
    Missing,
    /// It is there, but not for the one who asks.
    Refused(String),
}

impl Checker<'_> {
    /// `a.b.c`
    pub(super) fn path(&mut self, path: &[ast::Ident], span: Span) -> Type {
        let Some((first, members)) = path.split_first() else { return Type::Any };
        let mut ty = self.name(first.name, span);
        for member in members {
            if self.storing {
                self.check_key(member.name, &ty, span, None);
            }
            ty = self.member(&ty, member.name, span);
        }
        ty
    }

    /// `value.name`
    pub(super) fn member(&mut self, value: &Type, name: Symbol, span: Span) -> Type {
        let loaded = match value {
            Type::Any | Type::Union(_) => Loaded::Found(Type::Any),
            Type::Str | Type::StrLit(_) => match stdlib::string_method(name.as_str()) {
                Some(method) => Loaded::Found(signature::parse(method.signature)),
                None => Loaded::Missing,
            },
            Type::Dict(dict) => Loaded::Found(dict.value_of(name).clone()),
            Type::Schema(schema, instance) => self.schema_member(*schema, *instance, name),
            Type::Module(module) => self.module_member(*module, name),
            _ => Loaded::Missing,
        };
        match loaded {
            Loaded::Found(ty) => return ty,
            Loaded::Missing => self.no_member(value, name, span),
            Loaded::Refused(why) => self.report(Code::Compile, span, why),
        }
        Type::Any
    }

    fn schema_member(&self, id: SchemaRef, instance: bool, name: Symbol) -> Loaded {
        let Some(schema) = self.table.schema(id) else { return Loaded::Found(Type::Any) };
        if let Some(attr) = self.table.attr(schema, name) {
            return Loaded::Found(attr.ty.clone());
        }
        if schema.sort == SchemaSort::Mixin || schema.index.is_some() {
            return Loaded::Found(Type::Any);
        }
        if !instance && name.as_str() == "instances" {
            let full =
                Param { name: Symbol::new("full_pkg"), ty: Type::Bool, has_default: true, place: None };
            let result = Type::list(Type::Any);
            return Loaded::Found(Type::Function(Arc::new(FunctionType {
                params: vec![full],
                result,
                variadic: false,
            })));
        }
        Loaded::Missing
    }

    fn module_member(&self, module: ModuleType, name: Symbol) -> Loaded {
        match module.target {
            ImportTarget::Package(id) => self.package_member(module, id, name),
            ImportTarget::System("units") if name.as_str() == "NumberMultiplier" => Loaded::Found(Type::Unit),
            ImportTarget::System(system) => match stdlib::module_member(system, name.as_str()) {
                Some(Member::Function(function)) => Loaded::Found(signature::parse(function.signature)),
                Some(Member::Int(_)) => Loaded::Found(Type::Int),
                Some(Member::Float(_)) => Loaded::Found(Type::Float),
                None => Loaded::Missing,
            },
            ImportTarget::Plugin | ImportTarget::Missing => Loaded::Found(Type::Any),
        }
    }

    fn package_member(&self, module: ModuleType, id: PackageId, name: Symbol) -> Loaded {
        let program = self.table.program;
        let Some(types) = program.cell(id).and_then(|cell| cell.types.get()) else {
            return Loaded::Found(Type::Any);
        };
        if let Some(global) = types.globals.get(&name) {
            if name.as_str().starts_with('_') {
                return Loaded::Refused(format!("`{name}` is private to the package `{}`", module.path));
            }
            return Loaded::Found(global.ty.clone());
        }
        let imported = program.package(id).files.first().is_some_and(|file| file.imports.contains_key(&name));
        if imported {
            return Loaded::Refused(format!(
                "`{name}` is an import of `{}`; import it here as well",
                module.path
            ));
        }
        Loaded::Missing
    }

    fn no_member(&mut self, value: &Type, name: Symbol, span: Span) {
        let message = format!("`{}` has no member `{name}`", self.table.show(value));
        let problem = self.problem(Code::Type, span, message);
        let near = self.near_member(value, name).map(|near| format!("did you mean `{near}`?"));
        self.problems.push(near.into_iter().fold(problem, Diagnostic::hint));
    }

    fn near_member(&self, value: &Type, name: Symbol) -> Option<&'static str> {
        if !self.may_guess() {
            return None;
        }
        let mut names: Vec<&'static str> = match value {
            Type::Schema(id, _) => {
                let schema = self.table.schema(*id)?;
                self.table
                    .lineage(schema)
                    .flat_map(|schema| schema.attrs.keys())
                    .map(|name| name.as_str())
                    .collect()
            }
            Type::Module(ModuleType { target: ImportTarget::Package(id), .. }) => {
                let globals = &self.table.program.cell(*id)?.types.get()?.globals;
                globals.keys().map(|name| name.as_str()).filter(|name| !name.starts_with('_')).collect()
            }
            _ => return None,
        };
        names.sort_unstable();
        nearest(name.as_str(), names)
    }

    /// `value[index]`
    pub(super) fn element(&mut self, value: &Type, index: &ast::Expr, span: Span) -> Type {
        match value {
            Type::Any => Type::Any,
            Type::List(item) => {
                self.must_be(index, &Type::Int);
                Type::clone(item)
            }
            Type::Str | Type::StrLit(_) => {
                self.must_be(index, &Type::Int);
                Type::Str
            }
            Type::Dict(dict) => self.keyed_element(value, &dict.value, index, span),
            Type::Schema(id, _) => {
                let schema = self.table.schema(*id);
                let any = schema
                    .and_then(|schema| schema.index.as_ref())
                    .map_or(Type::Any, |index| index.value.clone());
                self.keyed_element(value, &any, index, span)
            }
            _ => self.no_elements(value, span),
        }
    }

    fn keyed_element(&mut self, value: &Type, otherwise: &Type, index: &ast::Expr, span: Span) -> Type {
        match self.expr(index) {
            Type::Any | Type::None => otherwise.clone(),
            Type::StrLit(text) => self.member(value, Symbol::new(text.as_str()), span),
            other if other.all(Type::is_str) => otherwise.clone(),
            other => {
                let message = format!("keys are strings, not `{}`", self.table.show(&other));
                self.report(Code::Compile, span, message);
                Type::Any
            }
        }
    }

    fn no_elements(&mut self, value: &Type, span: Span) -> Type {
        let message = format!("a value of the type `{}` has no elements", self.table.show(value));
        self.report(Code::Compile, span, message);
        Type::Any
    }

    pub(super) fn index_expr(&mut self, index: &ast::Index) -> Type {
        let value = self.expr(&index.value);
        self.element(&value, &index.index, index.value.span)
    }

    pub(super) fn slice_expr(&mut self, slice: &ast::Slice) -> Type {
        let span = slice.value.span;
        let value = self.expr(&slice.value);
        match value {
            Type::Any => Type::Any,
            Type::Str | Type::StrLit(_) | Type::List(_) => {
                for bound in [&slice.lower, &slice.upper, &slice.step].into_iter().flatten() {
                    self.must_be(bound, &Type::Int);
                }
                if value.is_list() { value } else { Type::Str }
            }
            Type::Dict(_) | Type::Schema(..) => {
                self.report(Code::Compile, span, "dicts and schemas have no slices");
                Type::Any
            }
            _ => self.no_elements(&value, span),
        }
    }

    pub(super) fn member_expr(&mut self, expr: &ast::Expr, member: &ast::Member) -> Type {
        if is_path(expr) {
            self.at = expr.span;
            return self.path_expr(expr, expr.span);
        }
        let value = self.expr(&member.value);
        if member.optional && matches!(value, Type::Module(_)) {
            let message =
                format!("a package is always there: `.{0}` does, `?.{0}` is not needed", member.name.name);
            self.report(Code::Compile, member.value.span, message);
        }
        self.member(&value, member.name.name, member.name.span)
    }

    /// An expression that is but names and dots; its problems are blamed on all of it.
    fn path_expr(&mut self, expr: &ast::Expr, span: Span) -> Type {
        match &expr.kind {
            ExprKind::Name(name) => self.name(*name, span),
            ExprKind::Member(member) => {
                let value = self.path_expr(&member.value, span);
                self.member(&value, member.name.name, span)
            }
            _ => self.expr(expr),
        }
    }
}

/// Whether an expression is but names and dots.
fn is_path(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(_) => true,
        ExprKind::Member(member) => !member.optional && is_path(&member.value),
        _ => false,
    }
}
