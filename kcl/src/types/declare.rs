//! What a package declares: found before any statement is checked, since names may be used before they are set.

use syntax::ast::{self, ExprKind, StmtKind, TypeKind};
use syntax::{Code, Symbol};

use super::checker::{Checker, Global};
use super::stmt::is_private;
use super::ty::{FunctionType, SchemaRef, Type};

/// An alias, and the file that it is in.
#[derive(Clone, Copy)]
struct Alias<'a> {
    file: usize,
    alias: &'a ast::TypeAlias,
}

impl<'a> Checker<'a> {
    /// Declares the names of the package, then what its schemas are.
    pub(super) fn declare_all(&mut self) {
        self.schema_names();
        self.aliases();
        self.variables();
        self.schemas();
    }

    /// All statements at the top of the package's files, but those that went into a later one.
    pub(super) fn top_stmts(&self) -> impl Iterator<Item = (usize, &'a ast::Stmt)> + use<'a> {
        let (package, merged) = (self.package, self.merged);
        package.files.iter().enumerate().flat_map(move |(file, unit)| {
            let stmts = unit.file.tree.body.iter().enumerate();
            stmts
                .filter(move |(at, _)| !merged.is_some_and(|merged| merged.vanished(file, *at)))
                .map(move |(_, stmt)| (file, stmt))
        })
    }

    /// Numbers the schemas, mixins, protocols and rules.
    fn schema_names(&mut self) {
        let mut index = 0;
        for (file, stmt) in self.top_stmts() {
            let name = match &stmt.kind {
                StmtKind::Schema(schema) => &schema.name,
                StmtKind::Rule(rule) => &rule.name,
                _ => continue,
            };
            self.file = file;
            let ty = Type::Schema(SchemaRef { package: self.package.id, index }, false);
            self.declare(name.name, ty, name.span);
            index += 1;
        }
    }

    /// Aliases may stand for later ones; one that is never settled stands for itself.
    fn aliases(&mut self) {
        let found = self.top_stmts().filter_map(|(file, stmt)| match &stmt.kind {
            StmtKind::TypeAlias(alias) => Some(Alias { file, alias }),
            _ => None,
        });
        let mut open: Vec<Alias<'a>> = found.collect();
        while !open.is_empty() {
            let before = open.len();
            let waiting: Vec<Symbol> = open.iter().map(|one| one.alias.name.name).collect();
            let (ready, rest): (Vec<_>, Vec<_>) =
                open.into_iter().partition(|one| !mentions(&one.alias.ty, &waiting));
            for one in ready {
                self.settle(one);
            }
            if rest.len() == before {
                rest.iter().for_each(|one| self.circular(*one));
                return;
            }
            open = rest;
        }
    }

    fn settle(&mut self, Alias { file, alias }: Alias<'a>) {
        self.file = file;
        let ty = self.quietly(|this| this.annotation(&alias.ty));
        let ty = if let Type::Schema(id, _) = ty { Type::Schema(id, false) } else { ty };
        self.declare(alias.name.name, ty, alias.name.span);
    }

    fn circular(&mut self, Alias { file, alias }: Alias<'a>) {
        self.file = file;
        self.declare(alias.name.name, Type::Any, alias.name.span);
        let message = format!("the alias `{}` stands for itself", alias.name.name);
        self.report(Code::Compile, alias.name.span, message);
    }

    /// Does something without a word about what is wrong: it is done again later, aloud.
    pub(super) fn quietly<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.problems.len();
        let result = work(self);
        self.problems.truncate(before);
        result
    }

    fn variables(&mut self) {
        for (file, stmt) in self.top_stmts() {
            self.file = file;
            self.declare_stmt(stmt);
        }
    }

    fn declare_stmt(&mut self, stmt: &'a ast::Stmt) {
        match &stmt.kind {
            StmtKind::Assign(assign) => self.declare_assign(assign),
            StmtKind::Unify(unify) => self.declare_variable(&unify.name, Type::Any),
            StmtKind::If(choice) => {
                for stmt in choice.body.iter().chain(&choice.otherwise) {
                    self.declare_stmt(stmt);
                }
            }
            _ => {}
        }
    }

    fn declare_assign(&mut self, assign: &'a ast::Assign) {
        for target in &assign.targets {
            let name = target.name.name;
            if self.import(name).is_some() {
                self.changes_import(name, target.span);
                continue;
            }
            let set_before = self.globals.contains_key(&name);
            if set_before && !is_private(name) {
                self.immutable(name, target.span);
                continue;
            }
            if !target.path.is_empty() {
                continue;
            }
            let declared = assign.ty.as_ref().map(|ty| self.quietly(|this| this.annotation(ty)));
            if let Some(ty) = &declared
                && let Some(known) = self.globals.get(&name).map(|global| global.ty.clone())
                && !known.is_any()
                && known != *ty
            {
                self.retyped(target, ty);
            }
            if let ExprKind::Lambda(lambda) = &assign.value.kind {
                let params = self.quietly(|this| this.lambda_params(lambda));
                let result = Type::Any;
                self.lambdas.insert(name, FunctionType { params, result, variadic: false }.into());
            }
            self.declare_variable(&target.name, declared.unwrap_or(Type::Any));
        }
    }

    /// A name that was given a type keeps it.
    fn declare_variable(&mut self, name: &ast::Ident, ty: Type) {
        let place = self.place(name.span);
        let known = self.globals.get(&name.name).map(|global| global.ty.clone());
        let ty = known.filter(|_| ty.is_any()).unwrap_or(ty);
        self.globals.insert(name.name, Global { ty, place });
    }
}

/// Whether a type mentions one of these names.
fn mentions(ty: &ast::Type, names: &[Symbol]) -> bool {
    let optional = |ty: &Option<Box<ast::Type>>| ty.as_ref().is_some_and(|ty| mentions(ty, names));
    match &ty.kind {
        TypeKind::Named(path) => path.len() == 1 && path.iter().any(|part| names.contains(&part.name)),
        TypeKind::List(item) => optional(item),
        TypeKind::Dict(key, value) => optional(key) || optional(value),
        TypeKind::Union(members) => members.iter().any(|ty| mentions(ty, names)),
        TypeKind::Function(params, result) => params.iter().any(|ty| mentions(ty, names)) || optional(result),
        _ => false,
    }
}
