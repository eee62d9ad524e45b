//! Type expressions of the source to types.

use std::sync::Arc;

use syntax::ast::{self, TypeKind};
use syntax::{Span, Symbol};

use super::checker::Checker;
use super::ty::{FunctionType, Param, Type};

impl Checker<'_> {
    /// The type that a type expression stands for. Names in it are looked up where it stands.
    pub(super) fn annotation(&mut self, ty: &ast::Type) -> Type {
        self.annotation_at(ty, ty.span)
    }

    fn annotation_at(&mut self, ty: &ast::Type, span: Span) -> Type {
        match &ty.kind {
            TypeKind::Any => Type::Any,
            TypeKind::Bool => Type::Bool,
            TypeKind::Int => Type::Int,
            TypeKind::Float => Type::Float,
            TypeKind::Str => Type::Str,
            TypeKind::LitBool(value) => Type::BoolLit(*value),
            TypeKind::LitInt(value) => Type::IntLit(*value),
            TypeKind::LitFloat(value) => Type::FloatLit(*value),
            TypeKind::LitUnit(unit) => Type::UnitLit(unit.raw, unit.suffix),
            TypeKind::LitStr(text) => Type::text(text),
            TypeKind::Named(path) => self.named_type(path, span),
            TypeKind::List(item) => Type::list(self.optional_type(item.as_deref(), span)),
            TypeKind::Dict(key, value) => {
                let key = self.optional_type(key.as_deref(), span);
                Type::dict(key, self.optional_type(value.as_deref(), span))
            }
            TypeKind::Union(members) => {
                let members: Vec<Type> = members.iter().map(|ty| self.annotation_at(ty, span)).collect();
                Type::Union(Arc::from(members))
            }
            TypeKind::Function(params, result) => self.function_type(params, result.as_deref(), span),
        }
    }

    fn optional_type(&mut self, ty: Option<&ast::Type>, span: Span) -> Type {
        ty.map_or(Type::Any, |ty| self.annotation_at(ty, span))
    }

    fn named_type(&mut self, path: &[ast::Ident], span: Span) -> Type {
        self.storing = false;
        self.path(path, span)
    }

    fn function_type(&mut self, params: &[ast::Type], result: Option<&ast::Type>, span: Span) -> Type {
        let param = |ty| Param { name: Symbol::new(""), ty, has_default: false, place: None };
        let params = params.iter().map(|ty| param(self.annotation_at(ty, span))).collect();
        let result = self.optional_type(result, span);
        Type::Function(Arc::new(FunctionType { params, result, variadic: false }))
    }

    /// The parameters of a schema, rule or lambda.
    pub(super) fn params(&mut self, params: &[ast::Param]) -> Vec<Param> {
        let declared = params.iter().map(|param| {
            let ty = param.ty.as_ref().map_or(Type::Any, |ty| self.annotation(ty));
            let place = Some(self.place(param.name.span));
            Param { name: param.name.name, ty, has_default: param.default.is_some(), place }
        });
        declared.collect()
    }

    /// Parameters without a default come first.
    pub(super) fn check_param_order(&mut self, params: &[ast::Param]) {
        let Some(last) = params.iter().rposition(|param| param.default.is_none()) else { return };
        for param in &params[..last] {
            if let Some(default) = &param.default {
                let message =
                    format!("parameter `{}` has a default, but one after it has none", param.name.name);
                self.report(syntax::Code::IllegalParameter, default.span, message);
            }
        }
    }
}
