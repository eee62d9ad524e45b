//! The lowered form: what the evaluator runs.
//!
//! Names are slots, attributes are numbers of a body's name table, imports are packages and slots; no text is looked
//! up by the evaluator on a hot path. Code is immutable and shared by all runs.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use syntax::ast::{BinaryOp, CompareOp, EntryOp, QuantifierOp, TemplateFormat, UnaryOp};
use syntax::{Source, Span, Symbol};

use super::effect::Effect;
use super::fingerprint::FileParts;
use crate::package::PackageId;
use crate::stdlib::Function;
use crate::value::{Key, Origin, SchemaId, SchemaType, Unit};

/// The code of a package.
pub struct PackageCode {
    /// Which package.
    pub id: PackageId,
    /// Its dotted path.
    pub name: Symbol,
    /// Its files.
    pub files: Vec<Arc<FileCode>>,
    /// Its globals; a slot is a place here. In order of first appearance.
    pub globals: Vec<Global>,
    /// The slot of each global.
    pub slots: FxHashMap<Symbol, u32>,
    /// Its schemas, mixins and protocols.
    pub schemas: Vec<SchemaCode>,
    /// Its rules.
    pub rules: Vec<RuleCode>,
}

impl PackageCode {
    /// The code of a main package that has one empty file.
    #[must_use]
    pub fn empty() -> Self {
        let source = Arc::new(Source::new("", ""));
        Self {
            id: PackageId::MAIN,
            name: Symbol::new("__main__"),
            files: vec![Arc::new(FileCode {
                path: PathBuf::new(),
                source,
                body: Vec::new(),
                locals: 0,
                parts: None,
            })],
            globals: Vec::new(),
            slots: FxHashMap::default(),
            schemas: Vec::new(),
            rules: Vec::new(),
        }
    }
}

/// The statements of a file.
pub struct FileCode {
    /// Where it is.
    pub path: PathBuf,
    /// Its text, for diagnostics.
    pub source: Arc<Source>,
    /// In order; imports and declarations of schemas are not here.
    pub body: Vec<Stmt>,
    /// How many locals the statements need at once.
    pub locals: u32,
    /// The fingerprints of what is in it, where main packages share it; filled by the first who asks.
    pub(crate) parts: Option<OnceLock<Arc<FileParts>>>,
}

/// A global of a package.
pub struct Global {
    /// Its name.
    pub name: Symbol,
    /// What defines it.
    pub kind: GlobalKind,
}

/// What defines a global.
pub enum GlobalKind {
    /// Statements that set it, in order.
    Variable(Vec<Setter>),
    /// A schema of the package.
    Schema(u32),
    /// A rule of the package.
    Rule(u32),
    /// A type alias.
    Alias(Type),
}

/// A statement that sets a variable. For one inside an `if`, the whole `if` stands, with the arm and the place where to stop.
#[derive(Clone, Copy, Debug)]
pub struct Setter {
    /// The file or schema body that it is in.
    pub body: u32,
    /// Number of the outermost statement.
    pub stmt: u32,
    /// Id of the outermost statement.
    pub id: StmtId,
    /// Id of the inner statement that sets the variable.
    pub stop: Option<StmtId>,
    /// Which arm of the outermost statement.
    pub arm: Arm,
}

/// Which arm of an `if` a setter is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// The statement is no `if`.
    Whole,
    /// The first.
    Then,
    /// The others.
    Else,
}

/// A statement in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct StmtId {
    /// Number of its package, plus one.
    pub package: u32,
    /// Its number there.
    pub stmt: u32,
}

impl StmtId {
    /// The number of an arm of an `if`, apart from those of arms inside of expressions.
    #[must_use]
    pub fn arm(self, holds: bool) -> u32 {
        1 << 31 | self.stmt << 1 | u32::from(!holds)
    }
}

/// A statement.
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// Where it stands.
    pub span: Span,
    /// Its number in the program.
    pub id: StmtId,
}

/// What a statement does.
pub enum StmtKind {
    /// Evaluates an expression; at the top level its value is part of the output.
    Expr(Expr),
    /// `t1 = t2 = value`
    Assign(Assign),
    /// `t op= value`
    AugAssign(Target, BinaryOp, Expr),
    /// `name: S {…}`
    Unify(Target, Expr),
    /// `assert test if guard, message`
    Assert(Check),
    /// One in a lambda's own block that makes nothing: what follows it is what the lambda returns.
    LambdaAssert(Check),
    /// `if`
    If(Expr, Vec<Stmt>, Vec<Stmt>),
    /// A schema attribute.
    Attr(Box<AttrCode>),
    /// A type alias or another thing without effect.
    Nothing,
}

/// `t1 = t2: T = value`
pub struct Assign {
    /// What is set.
    pub targets: Vec<Target>,
    /// What the value must be.
    pub ty: Option<Type>,
    /// The value.
    pub value: Expr,
    /// Whether the value is made from one of the targets.
    pub from_self: bool,
}

/// What an assignment sets.
pub struct Target {
    /// The variable's name.
    pub name: Symbol,
    /// The variable.
    pub place: Place,
    /// The way from there to what is set.
    pub path: Vec<Step>,
    /// Where it stands.
    pub span: Span,
}

/// A variable as a statement sets it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A global.
    Global(u32),
    /// A local.
    Local(u32),
    /// An attribute, by the body's name table.
    Attr(u32),
}

/// A step of the way to what is set.
pub enum Step {
    /// `.name`
    Member(Key<'static>),
    /// `[index]`
    Index(Expr),
}

/// A condition that must hold.
pub struct Check {
    /// The condition.
    pub test: Expr,
    /// It counts only where this holds.
    pub guard: Option<Expr>,
    /// Said when it fails.
    pub message: Option<Expr>,
}

/// `name?: T = value`
pub struct AttrCode {
    /// Its number among the attribute declarations of its package.
    pub number: u32,
    /// Its place in the body's name table.
    pub name: u32,
    /// Its key.
    pub key: Key<'static>,
    /// Its type.
    pub ty: Arc<Type>,
    /// Its default.
    pub value: Option<Expr>,
    /// What setting up the default can do.
    pub effect: Effect,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether the default is united with what is there: `|=`.
    pub unite: bool,
    /// Its decorators.
    pub decorators: Vec<DecoratorCode>,
    /// Whether it is another one of the same declarations, which are all that sets the attribute in its body.
    pub again: bool,
}

/// `@name(args)`
pub struct DecoratorCode {
    /// Its name.
    pub name: Symbol,
    /// Its arguments.
    pub args: ArgsCode,
}

/// A schema, mixin or protocol.
pub struct SchemaCode {
    /// What values know of it.
    pub ty: SchemaType,
    /// The file it stands in.
    pub file: u32,
    /// Its arguments.
    pub params: Vec<Param>,
    /// How many locals the body, checks and arguments need at once.
    pub locals: u32,
    /// The schema that it extends.
    pub base: Option<SchemaId>,
    /// Its mixins.
    pub mixins: Vec<SchemaId>,
    /// Its statements.
    pub body: Vec<Stmt>,
    /// The attributes that the statements set, in order of first appearance, with the setters.
    pub setters: Vec<(Symbol, Vec<Setter>)>,
    /// The declared attributes and whether each may be left out.
    pub attrs: Vec<(Symbol, bool)>,
    /// Its index signature.
    pub index: Option<Box<IndexCode>>,
    /// Its checks.
    pub checks: Vec<Check>,
    /// Its decorators.
    pub decorators: Vec<DecoratorCode>,
    /// The names that its code reads or sets as attributes of the instance.
    pub names: Vec<Symbol>,
    /// How often it names each of them, checks aside; none of those that only checks name.
    pub uses: Vec<u32>,
    /// How an instance is laid out; made on first use, for packages that many stacks share.
    pub layout: OnceLock<Box<Layout>>,
}

/// `[name: K]: V = default`
pub struct IndexCode {
    /// The key's name, as an attribute of the instance while defaults and checks run.
    pub name: Option<u32>,
    /// The type of the values.
    pub value: Type,
    /// The default.
    pub default: Option<Expr>,
}

/// How an instance of a schema is laid out: its slots, with the setters of all bodies that make it up.
#[derive(Default)]
pub struct Layout {
    /// The attributes in order: base, own, mixins.
    pub slots: Vec<SlotLayout>,
    /// The slot of each attribute.
    pub index: FxHashMap<Symbol, u32>,
    /// The same, by the key that configs have for it.
    pub by_key: FxHashMap<Key<'static>, u32>,
    /// Bodies in order of their set-up: base first, mixins last.
    pub bodies: Vec<BodyLayout>,
    /// The index of a dict that has all attributes in this order.
    pub dict: Vec<u32>,
    /// The attributes that must be set, in the order in which they are looked at, with their slots.
    pub required: Box<[(Key<'static>, u32)]>,
    /// The slot of the name that the index signature gives the key; it is no attribute.
    pub key_slot: Option<u32>,
    /// How many locals all bodies need together.
    pub locals: u32,
}

/// A slot of a [`Layout`].
pub struct SlotLayout {
    /// The attribute.
    pub key: Key<'static>,
    /// Its name.
    pub name: Symbol,
    /// What sets it; `body` is a number of [`Layout::bodies`].
    pub setters: Box<[Setter]>,
    /// Whether it does nothing in an instance that does not set it and is not asked for it: no code of the instance
    /// names it but its declaration, which can do nothing but fail, and perhaps checks.
    pub quiet: bool,
    /// Whether it is quiet and has a default.
    pub default: bool,
}

/// One of the bodies that make up an instance.
pub struct BodyLayout {
    /// Whose body.
    pub schema: SchemaId,
    /// The slot of each name of its name table; [`NO_SLOT`] where the instance has no such attribute.
    pub slots: Box<[u32]>,
    /// The first local of the body, from the first of the instance.
    pub first_local: u32,
    /// The number of the base's body.
    pub base: Option<u32>,
    /// The numbers of the mixins' bodies.
    pub mixins: Box<[u32]>,
}

/// No attribute of that name.
pub const NO_SLOT: u32 = u32::MAX;

/// A rule.
pub struct RuleCode {
    /// What values know of it.
    pub ty: SchemaType,
    /// The file it stands in.
    pub file: u32,
    /// Its arguments.
    pub params: Vec<Param>,
    /// How many locals it needs at once.
    pub locals: u32,
    /// The rules that it extends, by package and number of the rule.
    pub parents: Vec<SchemaId>,
    /// The protocol or schema that it is for.
    pub host: Option<SchemaId>,
    /// Its checks.
    pub checks: Vec<Check>,
    /// The names that its code reads as attributes.
    pub names: Vec<Symbol>,
}

/// A parameter; its local is its place in the list.
pub struct Param {
    /// Its name.
    pub name: Symbol,
    /// Its type.
    pub ty: Option<Type>,
    /// Its default.
    pub default: Option<Expr>,
}

/// An expression.
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

impl Expr {
    /// Whether it is what a name means that is a global's in the end, or nothing's.
    pub(crate) fn is_global_or_nothing(&self) -> bool {
        match &self.kind {
            ExprKind::Global(_) | ExprKind::GlobalNow(_) | ExprKind::Const(Const::Undefined) => true,
            ExprKind::Local(_, otherwise) | ExprKind::Captured(_, otherwise) => {
                otherwise.as_ref().is_none_or(|otherwise| otherwise.is_global_or_nothing())
            }
            _ => false,
        }
    }
}

/// A literal that is a value of its own.
#[derive(Clone, Debug, PartialEq)]
pub enum Const {
    /// `Undefined`
    Undefined,
    /// `None`
    None,
    /// `True`, `False`
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A number with a unit.
    Unit(Box<Unit>),
    /// Text.
    Str(Box<str>),
}

/// What an expression is.
pub enum ExprKind {
    /// A literal.
    Const(Const),
    /// A local; where it is not set yet, what the name means outside.
    Local(u32, Option<Box<Expr>>),
    /// A value that the lambda captured; where it was not set then, what the name means outside.
    Captured(u32, Option<Box<Expr>>),
    /// An attribute of the instance, by the body's name table; where there is none, what the name means outside.
    Attr(u32, Box<Expr>),
    /// A global of the package.
    Global(u32),
    /// A global of the package, read from a schema body: what it is now, where it is something.
    GlobalNow(u32),
    /// A global of another package.
    Foreign(PackageId, u32),
    /// A builtin or a member of a system module.
    Function(&'static Function),
    /// `a.b`
    Member(Box<Expr>, Key<'static>, bool),
    /// `a[i]`
    Index(Box<(Expr, Expr)>, bool),
    /// `a[b:c:d]`
    Slice(Box<SliceCode>),
    /// `f(…)`
    Call(Box<(Expr, ArgsCode)>),
    /// `-a`
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`
    Binary(BinaryOp, Box<(Expr, Expr)>),
    /// `a < b < c`
    Compare(Box<(Expr, Vec<(CompareOp, Expr)>)>),
    /// `a as T`
    As(Box<(Expr, Type)>),
    /// `a if c else b`
    IfElse(Box<(Expr, Expr, Expr)>),
    /// `[…]`
    List(Vec<Item>),
    /// `[e for …]`
    ListComp(Box<(Expr, Vec<Clause>)>),
    /// `{…}`
    Config(Box<ConfigCode>),
    /// `{k: v for …}`
    DictComp(Box<(EntryCode, Vec<Clause>)>),
    /// `S(…) {…}`
    Schema(Box<SchemaExprCode>),
    /// `lambda`
    Lambda(Box<LambdaCode>),
    /// `all x in l {…}`
    Quantifier(Box<QuantifierCode>),
    /// `"a ${b}"`
    Template(Vec<PartCode>),
    /// An expression inside of another one, by number, that may not be evaluated with it.
    Arm(u32, Box<Expr>),
}

/// `a[b:c:d]`
pub struct SliceCode {
    /// What is sliced.
    pub value: Expr,
    /// Whether nothing is sliced to nothing.
    pub optional: bool,
    /// The three numbers.
    pub bounds: [Option<Expr>; 3],
}

/// Arguments of a call.
pub struct ArgsCode {
    /// In order.
    pub positional: Vec<Expr>,
    /// By name.
    pub named: Vec<(Key<'static>, Expr)>,
}

impl ArgsCode {
    /// Whether all of them are constants.
    pub(crate) fn is_constant(&self) -> bool {
        let is_constant = |arg: &Expr| match &arg.kind {
            ExprKind::Const(_) => true,
            ExprKind::Arm(_, inner) => matches!(inner.kind, ExprKind::Const(_)),
            _ => false,
        };
        self.positional.iter().chain(self.named.iter().map(|(_, arg)| arg)).all(is_constant)
    }
}

/// An item of a list.
pub enum Item {
    /// An element.
    Value(Expr),
    /// `*a`
    Unpack(Expr),
    /// `if`, with the number of its first arm.
    If(Expr, u32, [Vec<Item>; 2]),
}

/// `for a, b in c if d`
pub struct Clause {
    /// The locals of the loop variables; one or two.
    pub targets: Vec<u32>,
    /// What is walked.
    pub iter: Expr,
    /// Which turns count.
    pub conditions: Vec<Expr>,
}

/// `{…}`
pub struct ConfigCode {
    /// In order.
    pub items: Vec<ConfigItem>,
    /// The locals of keys that expressions of the block read; unset at its start.
    pub locals: Vec<u32>,
    /// How many entries it can have at least.
    pub size: u32,
    /// Whether it is a table: a literal of constants, no key twice, each of which is an arm.
    pub is_table: bool,
}

impl ConfigCode {
    /// What a key has, in a table.
    #[must_use]
    pub fn constant(&self, key: &str) -> Option<&Expr> {
        self.items.iter().find_map(|item| match item {
            ConfigItem::Entry(EntryCode { key: KeyCode::Const(name), value, .. }) if name.as_str() == key => {
                Some(value)
            }
            _ => None,
        })
    }
}

/// An item of a config block.
pub enum ConfigItem {
    /// An entry.
    Entry(EntryCode),
    /// `**a`
    Unpack(Expr),
    /// `if`, with the number of its first arm.
    If(Expr, u32, [Vec<ConfigItem>; 2]),
}

/// `key op value`
pub struct EntryCode {
    /// The key.
    pub key: KeyCode,
    /// The operator.
    pub op: EntryOp,
    /// The index of `name[index]`.
    pub index: Option<i32>,
    /// The value.
    pub value: Expr,
    /// The local that holds the value for the rest of the block, where something reads it.
    pub local: Option<u32>,
    /// Whether the block is known to have nothing under its key so far.
    pub fresh: bool,
    /// Where it stands.
    pub origin: Origin,
    /// Of the key.
    pub span: Span,
}

/// The key of an entry.
pub enum KeyCode {
    /// Known.
    Const(Key<'static>),
    /// Computed.
    Expr(Expr),
}

/// `S(…) {…}`
pub struct SchemaExprCode {
    /// The schema, or the value that is united with the config.
    pub schema: Expr,
    /// The arguments.
    pub args: ArgsCode,
    /// The config.
    pub config: ConfigCode,
    /// Of the config.
    pub config_span: Span,
    /// The file of the name.
    pub file: u32,
}

/// `lambda`
pub struct LambdaCode {
    /// Its number among the lambdas of its package.
    pub number: u32,
    /// Its parameters, the first locals.
    pub params: Vec<Param>,
    /// What it returns.
    pub returns: Option<Type>,
    /// Its statements.
    pub body: Vec<Stmt>,
    /// How many locals it needs at once.
    pub locals: u32,
    /// What it captures, as read where it is made.
    pub captures: Vec<Expr>,
    /// The captured value that is the lambda itself: it calls the local that it is assigned to.
    pub itself: Option<u32>,
    /// Its package.
    pub package: PackageId,
    /// Its file.
    pub file: u32,
    /// Number of the schema whose body it stands in, with the same meaning of attribute names.
    pub schema: Option<u32>,
}

/// `all x in l {…}`
pub struct QuantifierCode {
    /// Which one.
    pub op: QuantifierOp,
    /// The locals of the loop variables; one or two.
    pub targets: Vec<u32>,
    /// What is walked.
    pub iter: Expr,
    /// The condition or new value.
    pub test: Expr,
    /// Which turns count.
    pub guard: Option<Expr>,
}

/// A piece of an interpolated string.
pub enum PartCode {
    /// Text.
    Text(Box<str>),
    /// A value.
    Value(Expr, Option<TemplateFormat>),
}

/// A type as values are checked against it while a program runs. Aliases are resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Anything.
    Any,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `str`
    Str,
    /// A literal.
    Literal(Const),
    /// `units.NumberMultiplier`
    Unit,
    /// A schema.
    Schema(SchemaId, Symbol),
    /// `[T]`
    List(Box<Type>),
    /// `{K: V}`: values are checked, keys are not.
    Dict(Box<Type>, Box<Type>),
    /// `A | B`
    Union(Box<[Type]>),
    /// Any function.
    Function,
}

impl Type {
    /// Whether a dict, or one inside of a value, may become an instance for it.
    #[must_use]
    pub fn may_pack(&self) -> bool {
        match self {
            Self::Schema(..) => true,
            Self::List(item) | Self::Dict(_, item) => item.may_pack(),
            Self::Union(types) => types.iter().any(Self::may_pack),
            _ => false,
        }
    }
}
