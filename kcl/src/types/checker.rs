//! The state of a check, and how names are looked up in it.
//!
//! A name is looked for in the scopes inside the package, innermost first, then among the package's globals, its
//! imports and the builtin functions. In a schema body its attributes come before all of these, but for loop
//! variables. The order in which types become known is part of the language: a global has the type `any` until the
//! statement that sets it was walked.

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use syntax::{Code, Diagnostic, Source, Span, Symbol};

use super::locals::Locals;
use super::signature;
use super::table::{Foreign, Own, Table};
use super::ty::{FunctionType, ModuleType, Place, SchemaSort, SchemaType, Type};
use crate::package::{Package, PackageFile};
use crate::resolve::Program;
use crate::resolve::merge::Merged;
use crate::resolve::nearest::nearest;

/// A global.
#[derive(Debug, Clone)]
pub(super) struct Global {
    /// Its type, as far as it is known.
    pub(super) ty: Type,
    /// Where it is declared last.
    pub(super) place: Place,
}

/// The globals of a package.
pub(super) type Globals = FxHashMap<Symbol, Global>;

/// What a config literal is expected to be, and where that is declared.
#[derive(Clone)]
pub(super) struct Expected {
    pub(super) ty: Type,
    pub(super) place: Option<Place>,
}

/// The schema whose body is being checked.
pub(super) struct Body<'a> {
    pub(super) schema: &'a SchemaType,
    /// What its statements have taught about attributes.
    pub(super) learned: FxHashMap<Symbol, Type>,
}

/// How many problems of a package get a guess at what was meant: each guess looks at all names, and nobody reads on.
const MAX_GUESSES: usize = 100;

/// A check of one package.
pub(super) struct Checker<'a> {
    pub(super) table: Table<'a>,
    pub(super) package: &'a Package,
    pub(super) merged: Option<&'a Merged<'a>>,
    pub(super) globals: Globals,
    /// Signatures of lambdas that are globals, for calls that come before them.
    pub(super) lambdas: FxHashMap<Symbol, Arc<FunctionType>>,
    /// Globals whose statement was walked.
    pub(super) walked: FxHashMap<Symbol, Place>,
    pub(super) locals: Locals,
    /// Loop variables; cleared whenever a scope or an assignment ends, so inner blocks hide them.
    pub(super) loop_names: Vec<Symbol>,
    pub(super) body: Option<Body<'a>>,
    /// What the configs around are expected to be, innermost last.
    pub(super) expected: Vec<Option<Expected>>,
    /// Attributes that entries with the same key provide, for the check of required attributes.
    pub(super) provided: Option<Rc<FxHashSet<Symbol>>>,
    pub(super) storing: bool,
    pub(super) file: usize,
    /// The statement or name that was reached last.
    pub(super) at: Span,
    pub(super) problems: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        program: &'a Program,
        package: &'a Package,
        merged: Option<&'a Merged<'a>>,
        (own, foreign): (&'a Own, &'a Foreign<'a>),
    ) -> Self {
        Self {
            table: Table { program, package: package.id, own, foreign },
            package,
            merged,
            globals: Globals::default(),
            lambdas: FxHashMap::default(),
            walked: FxHashMap::default(),
            locals: Locals::default(),
            loop_names: Vec::new(),
            body: None,
            expected: Vec::new(),
            provided: None,
            storing: false,
            file: 0,
            at: Span::default(),
            problems: Vec::new(),
        }
    }

    /// A problem in the current file; for whoever adds notes to it.
    pub(super) fn problem(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        match self.source(self.place(span)) {
            Some(source) => Diagnostic::new(code, source, span, message),
            None => Diagnostic::placeless(code, message),
        }
    }

    pub(super) fn report(&mut self, code: Code, span: Span, message: impl Into<String>) {
        let problem = self.problem(code, span, message);
        self.problems.push(problem);
    }

    /// A problem with another place involved.
    pub(super) fn note(
        &self,
        problem: Diagnostic,
        place: Option<Place>,
        text: impl Into<String>,
    ) -> Diagnostic {
        match place.and_then(|place| Some((self.source(place)?, place.span))) {
            Some((source, span)) => problem.note(source, span, text),
            None => problem,
        }
    }

    pub(super) fn place(&self, span: Span) -> Place {
        Place { package: self.package.id, file: self.file as u32, span }
    }

    fn source(&self, place: Place) -> Option<&'a Arc<Source>> {
        let own = place.package == self.package.id;
        let package = if own { self.package } else { self.table.program.package(place.package) };
        package.files.get(place.file as usize).map(|file: &PackageFile| &file.file.source)
    }

    pub(super) fn enter(&mut self) {
        self.locals.enter();
    }

    pub(super) fn leave(&mut self) {
        self.loop_names.clear();
        self.locals.leave();
    }

    /// Declares a name in the current scope.
    pub(super) fn declare(&mut self, name: Symbol, ty: Type, span: Span) {
        let ty = ty.bounded();
        if self.locals.is_outside() {
            let place = self.place(span);
            self.globals.insert(name, Global { ty, place });
        } else {
            self.locals.declare(name, ty);
        }
    }

    pub(super) fn import(&self, name: Symbol) -> Option<ModuleType> {
        let binding = self.package.files.first()?.imports.get(&name)?;
        Some(ModuleType { target: binding.target, path: binding.path })
    }

    /// Whether the current scope itself has a name.
    pub(super) fn has(&self, name: Symbol) -> bool {
        if self.locals.is_outside() {
            return self.globals.contains_key(&name) || self.import(name).is_some();
        }
        self.locals.has_innermost(name)
    }

    /// The type of a name, by scopes alone.
    pub(super) fn find(&self, name: Symbol) -> Option<Type> {
        if let Some(ty) = self.locals.get(name) {
            return Some(ty.clone());
        }
        if let Some(global) = self.globals.get(&name) {
            return Some(global.ty.clone());
        }
        self.import(name).map(Type::Module).or_else(|| signature::builtin(name))
    }

    /// The type of a name, by scopes alone; it is a problem where there is none.
    pub(super) fn find_or_report(&mut self, name: Symbol, span: Span) -> Type {
        self.find(name).unwrap_or_else(|| {
            self.undefined(name, span);
            Type::Any
        })
    }

    fn undefined(&mut self, name: Symbol, span: Span) {
        let problem = self.problem(Code::Compile, span, format!("name `{name}` is not defined"));
        let near = self.similar(name).map(|near| format!("did you mean `{near}`?"));
        self.problems.push(near.into_iter().fold(problem, Diagnostic::hint));
    }

    /// Whether the next problem gets a guess at what was meant.
    pub(super) fn may_guess(&self) -> bool {
        self.problems.len() < MAX_GUESSES
    }

    fn similar(&self, name: Symbol) -> Option<&'static str> {
        if !self.may_guess() {
            return None;
        }
        let locals = self.locals.names();
        let mut globals: Vec<Symbol> = self.globals.keys().copied().collect();
        globals.extend(self.package.files.first().into_iter().flat_map(|file| file.imports.keys().copied()));
        globals.sort_unstable();
        let names = locals.chain(globals).map(Symbol::as_str).chain(signature::builtin_names());
        nearest(name.as_str(), names)
    }

    /// Sets the type of a name of the current scope from the value that it gets.
    pub(super) fn learn(&mut self, name: Symbol, value: &Type) {
        let ty = self.table.widen(value);
        self.set(name, ty);
    }

    /// Sets the type of a name of the current scope.
    pub(super) fn set(&mut self, name: Symbol, ty: Type) {
        let ty = ty.bounded();
        if self.locals.is_outside() {
            if let Some(global) = self.globals.get_mut(&name) {
                global.ty = ty;
            }
        } else if let Some(local) = self.locals.innermost(name) {
            *local = ty;
        }
    }

    /// The type of an attribute of the schema whose body is being checked.
    fn attribute(&self, name: Symbol) -> Option<Type> {
        let body = self.body.as_ref()?;
        let learned = body.learned.get(&name).cloned();
        learned.or_else(|| Some(self.table.attr(body.schema, name)?.ty.clone()))
    }

    pub(super) fn learn_attribute(&mut self, name: Symbol, ty: Type) {
        if let Some(body) = &mut self.body {
            body.learned.insert(name, ty.bounded());
        }
    }

    /// The type of a name that is read, or about to be set where `storing`.
    pub(super) fn name(&mut self, name: Symbol, span: Span) -> Type {
        match (self.storing, &self.body) {
            (false, None) => self.find_or_report(name, span),
            (false, Some(body)) => {
                let schema = body.schema;
                self.name_in_body(schema, name, span)
            }
            (true, None) => self.stored_name(name, span),
            (true, Some(_)) => self.stored_name_in_body(name, span),
        }
    }

    fn name_in_body(&mut self, schema: &'a SchemaType, name: Symbol, span: Span) -> Type {
        let found = self.find(name);
        if self.loop_names.contains(&name) {
            return found.unwrap_or(Type::Any);
        }
        let attribute = self.attribute(name);
        match attribute {
            Some(ty) if !ty.is_any() => return ty,
            None if schema.sort != SchemaSort::Mixin => {
                let mut mixins = schema.mixins.iter().filter_map(|mixin| self.table.schema(*mixin));
                if let Some(attr) = mixins.find_map(|mixin| self.table.attr(mixin, name)) {
                    return attr.ty.clone();
                }
            }
            _ => {}
        }
        match found {
            Some(ty) => ty,
            None if attribute.is_some() || self.is_open(schema, name) => Type::Any,
            None => self.find_or_report(name, span),
        }
    }

    /// Whether a body may use names that it does not know. Mixins take them from their hosts, but for names that look
    /// like those of schemas.
    fn is_open(&self, schema: &SchemaType, name: Symbol) -> bool {
        match schema.sort {
            SchemaSort::Rule => true,
            SchemaSort::Mixin => !name.as_str().starts_with(char::is_uppercase),
            SchemaSort::Schema | SchemaSort::Protocol => false,
        }
    }

    fn stored_name(&mut self, name: Symbol, span: Span) -> Type {
        if self.has(name) {
            return self.find_or_report(name, span);
        }
        self.declare(name, Type::Any, span);
        Type::Any
    }

    fn stored_name_in_body(&mut self, name: Symbol, span: Span) -> Type {
        let attribute = self.attribute(name);
        if let Some(ty) = attribute.as_ref().filter(|_| self.has(name)) {
            return ty.clone();
        }
        self.declare(name, Type::Any, span);
        if attribute.is_none() {
            self.learn_attribute(name, Type::Any);
        }
        Type::Any
    }
}
