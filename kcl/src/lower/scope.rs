//! What names mean inside a body: locals, captured values, keys of config blocks, attributes of the instance.

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use syntax::{Span, Symbol};

use super::code::{Const, Expr, ExprKind};

/// What is being lowered: the statements of a file, of a schema, or of a lambda.
pub(super) struct Body {
    pub(super) kind: BodyKind,
    scopes: Vec<Scope>,
    pub(super) locals: u32,
    /// For lambdas: what they capture, as their surroundings read it.
    pub(super) captures: Vec<Expr>,
    /// For schemas: the names read or set as attributes.
    pub(super) names: Vec<Symbol>,
    /// How often each of them is.
    pub(super) uses: Vec<u32>,
    name_index: FxHashMap<Symbol, u32>,
    /// For lambdas: the local that they are being assigned to, in the body around.
    pub(super) assigned_to: Option<(Symbol, Option<u32>)>,
}

/// The kinds of [`Body`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyKind {
    File,
    Schema,
    Lambda,
}

/// Names that become visible and invisible together.
enum Scope {
    Vars(Vec<(Symbol, Binding)>),
    Block(Block),
}

/// The keys of a config block: a local is made only for those that something reads.
struct Block {
    keys: Vec<Symbol>,
    /// For the config of a schema expression: the keys of the entries so far.
    passed: Option<FxHashSet<Symbol>>,
    set: Option<FxHashSet<Symbol>>,
    used: Used,
}

/// The keys that something read, in the order of the first reads, with their locals.
pub(super) type Used = IndexMap<Symbol, u32, FxBuildHasher>;

/// A visible local.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) local: u32,
    pub(super) kind: BindingKind,
}

/// Why a local is visible.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BindingKind {
    /// A parameter: set for the whole body.
    Param,
    /// A loop variable: set for the whole scope; hides attributes and config keys.
    Loop,
    /// Assigned by a statement, perhaps later.
    Assigned,
    /// A key of a config block, perhaps written later.
    Key,
    /// A key of a schema expression's config, written already.
    SchemaKey,
}

/// Where a name was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Local(Binding),
    Captured(u32, BindingKind),
}

/// From this many keys on, a block is asked through a set.
const LARGE_BLOCK: usize = 16;

impl Body {
    pub(super) fn new(kind: BodyKind) -> Self {
        Self {
            kind,
            scopes: vec![Scope::Vars(Vec::new())],
            locals: 0,
            captures: Vec::new(),
            names: Vec::new(),
            uses: Vec::new(),
            name_index: FxHashMap::default(),
            assigned_to: None,
        }
    }

    pub(super) fn bind(&mut self, name: Symbol, kind: BindingKind) -> u32 {
        let local = self.locals;
        self.locals += 1;
        if let Some(Scope::Vars(vars)) = self.scopes.last_mut() {
            vars.push((name, Binding { local, kind }));
        }
        local
    }

    pub(super) fn enter(&mut self) {
        self.scopes.push(Scope::Vars(Vec::new()));
    }

    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    pub(super) fn enter_block(&mut self, keys: Vec<Symbol>, of_schema: bool) {
        let passed = of_schema.then(FxHashSet::default);
        self.scopes.push(Scope::Block(Block { keys, passed, set: None, used: Used::default() }));
    }

    /// Says that the entries of these keys are done, in the innermost block.
    pub(super) fn pass(&mut self, keys: &[Symbol]) {
        if let Some(Scope::Block(Block { passed: Some(passed), .. })) = self.scopes.last_mut() {
            passed.extend(keys);
        }
    }

    /// The keys that something read, with their locals.
    pub(super) fn leave_block(&mut self) -> Used {
        match self.scopes.pop() {
            Some(Scope::Block(block)) => block.used,
            _ => Used::default(),
        }
    }

    /// The number of a name in the table of attribute names.
    pub(super) fn attr(&mut self, name: Symbol) -> u32 {
        let next = self.names.len() as u32;
        let number = *self.name_index.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.uses.push(0);
            next
        });
        self.uses[number as usize] += 1;
        number
    }

    /// The locals that a name can mean, innermost first, up to one that is set for sure.
    fn find(&mut self, name: Symbol, found: &mut Vec<Found>) -> bool {
        let locals = &mut self.locals;
        for scope in self.scopes.iter_mut().rev() {
            let Some(binding) = scope.find(name, locals) else { continue };
            found.push(Found::Local(binding));
            if binding.kind.is_sure() {
                return true;
            }
        }
        false
    }

    /// The loop variable, parameter or assigned local of a name; keys of config blocks do not count.
    pub(super) fn find_var(&self, name: Symbol) -> Option<Binding> {
        self.scopes.iter().rev().find_map(|scope| match scope {
            Scope::Vars(vars) => vars.iter().rev().find(|(var, _)| *var == name).map(|(_, binding)| *binding),
            Scope::Block(_) => None,
        })
    }

    /// The number of a captured value, as read around the lambda.
    pub(super) fn capture(&mut self, kind: ExprKind, span: Span) -> u32 {
        let same = |expr: &Expr| match (&expr.kind, &kind) {
            (ExprKind::Local(a, None), ExprKind::Local(b, None))
            | (ExprKind::Captured(a, None), ExprKind::Captured(b, None)) => a == b,
            _ => false,
        };
        if let Some(at) = self.captures.iter().position(same) {
            return at as u32;
        }
        self.captures.push(Expr { kind, span });
        self.captures.len() as u32 - 1
    }
}

impl Scope {
    fn find(&mut self, name: Symbol, locals: &mut u32) -> Option<Binding> {
        match self {
            Self::Vars(vars) => vars.iter().rev().find(|(var, _)| *var == name).map(|(_, binding)| *binding),
            Self::Block(block) => block.find(name, locals),
        }
    }
}

impl Block {
    fn find(&mut self, name: Symbol, locals: &mut u32) -> Option<Binding> {
        let passed = self.passed.as_ref().is_some_and(|passed| passed.contains(&name));
        let kind = if passed { BindingKind::SchemaKey } else { BindingKind::Key };
        if let Some(local) = self.used.get(&name) {
            return Some(Binding { local: *local, kind });
        }
        if !self.has(name) {
            return None;
        }
        let local = *locals;
        *locals += 1;
        self.used.insert(name, local);
        Some(Binding { local, kind })
    }

    fn has(&mut self, name: Symbol) -> bool {
        if self.keys.len() < LARGE_BLOCK {
            return self.keys.contains(&name);
        }
        self.set.get_or_insert_with(|| self.keys.iter().copied().collect()).contains(&name)
    }
}

/// What a name can mean in the innermost body and, through lambdas, in those around it: innermost first, up to what is
/// set for sure.
pub(super) fn find(bodies: &mut [Body], name: Symbol, span: Span) -> Vec<Found> {
    let mut found = Vec::new();
    let Some((body, around)) = bodies.split_last_mut() else { return found };
    if body.find(name, &mut found) || body.kind != BodyKind::Lambda {
        return found;
    }
    for outer in find(around, name, span) {
        let (kind, binding) = match outer {
            Found::Local(binding) => (ExprKind::Local(binding.local, None), binding.kind),
            Found::Captured(at, kind) => (ExprKind::Captured(at, None), kind),
        };
        let at = body.capture(kind, span);
        if let Some((target, itself)) = &mut body.assigned_to
            && *target == name
            && binding == BindingKind::Assigned
        {
            *itself = Some(at);
        }
        found.push(Found::Captured(at, binding));
    }
    found
}

/// The expression that tries what was found in turn; `outside` is what the name means otherwise.
pub(super) fn read(found: &[Found], outside: Expr, span: Span) -> Expr {
    found.iter().rev().fold(outside, |outside, found| {
        let nothing = matches!(outside.kind, ExprKind::Const(Const::Undefined));
        let otherwise = (!found.kind().is_sure() && !nothing).then(|| Box::new(outside));
        let kind = match found {
            Found::Local(binding) => ExprKind::Local(binding.local, otherwise),
            Found::Captured(at, _) => ExprKind::Captured(*at, otherwise),
        };
        Expr { kind, span }
    })
}

impl Found {
    /// Whether it is a key of a config block around a lambda.
    pub(super) fn is_captured_key(self) -> bool {
        matches!(self, Self::Captured(_, kind) if kind.is_key())
    }

    pub(super) fn kind(self) -> BindingKind {
        match self {
            Self::Local(binding) => binding.kind,
            Self::Captured(_, kind) => kind,
        }
    }
}

impl BindingKind {
    /// Whether it is a key of a config block.
    fn is_key(self) -> bool {
        matches!(self, Self::Key | Self::SchemaKey)
    }

    /// Whether it has a value wherever it is visible.
    fn is_sure(self) -> bool {
        matches!(self, Self::Param | Self::Loop)
    }
}
