//! What a package declares: found before any statement is checked, since names may be used before they are set.

use rustc_hash::FxHashSet;
use syntax::ast::{self, ExprKind, Ident, StmtKind, TypeKind};
use syntax::{Code, Symbol};

use super::checker::{Checker, Global};
use super::stmt::is_private;
use super::ty::{FunctionType, SchemaRef, Type};

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

    /// Aliases stand for what was declared before them, and for schemas.
    fn aliases(&mut self) {
        let found = self.top_stmts().filter_map(|(file, stmt)| match &stmt.kind {
            StmtKind::TypeAlias(alias) => Some((file, &**alias)),
            _ => None,
        });
        let found: Vec<(usize, &ast::TypeAlias)> = found.collect();
        let aliases: FxHashSet<Symbol> = found.iter().map(|(_, alias)| alias.name.name).collect();
        for (file, alias) in found {
            self.file = file;
            let open = |name| aliases.contains(&name) && !self.globals.contains_key(&name);
            let ty = match mentioned(&alias.ty, &open) {
                Some(name) => self.alias_of_later(alias, name),
                None => self.quietly(|this| this.annotation(&alias.ty)),
            };
            let ty = if let Type::Schema(id, _) = ty { Type::Schema(id, false) } else { ty };
            self.declare(alias.name.name, ty, alias.name.span);
        }
    }

    fn alias_of_later(&mut self, alias: &ast::TypeAlias, name: Ident) -> Type {
        let Ident { name, span } = name;
        let own = alias.name.name;
        let problem = if name == own {
            self.problem(Code::Compile, span, format!("the alias `{name}` stands for itself"))
        } else {
            let problem = self.problem(Code::Compile, span, format!("name `{name}` is not defined"));
            problem.hint(format!("declare `{name}` before `{own}`"))
        };
        self.problems.push(problem);
        Type::Any
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
            StmtKind::Unify(unify) => {
                let ty = match self.path(&unify.value.name, unify.value.name_span) {
                    Type::Schema(id, _) => Type::Schema(id, true),
                    _ => Type::Any,
                };
                self.declare_variable(&unify.name, ty);
            }
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
                self.declare_variable(&target.name, Type::Any);
                continue;
            }
            let declared = assign.ty.as_ref().map(|ty| self.annotation(ty));
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
    fn declare_variable(&mut self, name: &Ident, ty: Type) {
        let place = self.place(name.span);
        let known = self.globals.get(&name.name).map(|global| global.ty.clone());
        let ty = known.filter(|_| ty.is_any()).unwrap_or(ty);
        self.globals.insert(name.name, Global { ty, place });
    }
}

/// The first name in a type that a test holds for.
fn mentioned(ty: &ast::Type, test: &impl Fn(Symbol) -> bool) -> Option<Ident> {
    let optional = |ty: &Option<Box<ast::Type>>| mentioned(ty.as_deref()?, test);
    match &ty.kind {
        TypeKind::Named(path) => path.first().filter(|name| path.len() == 1 && test(name.name)).copied(),
        TypeKind::List(item) => optional(item),
        TypeKind::Dict(key, value) => optional(key).or_else(|| optional(value)),
        TypeKind::Union(members) => members.iter().find_map(|ty| mentioned(ty, test)),
        TypeKind::Function(params, result) => {
            params.iter().find_map(|ty| mentioned(ty, test)).or_else(|| optional(result))
        }
        _ => None,
    }
}
