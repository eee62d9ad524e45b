//! The syntax tree. Every node has a [`Span`]; nodes have no behaviour.
//!
//! Names are interned ([`Symbol`]), string literals are decoded (escapes, dedent), numbers are values.
//! What the parser could not read is [`ExprKind::Missing`] or left out, so a tree always exists.

use crate::source::Span;
use crate::symbol::Symbol;

/// A name where it stands in the text; a leading `$` is stripped from the symbol, not from the span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ident {
    /// The name.
    pub name: Symbol,
    /// Where it stands.
    pub span: Span,
}

/// A dotted name, `a.b.c`; never empty.
pub type Path = Box<[Ident]>;

/// One file.
#[derive(Debug, Default)]
pub struct File {
    /// The statements, in order.
    pub body: Vec<Stmt>,
}

/// A statement.
#[derive(Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// From its first to its last token.
    pub span: Span,
}

/// The kinds of statement. Where each is allowed is the parser's matter.
#[derive(Debug)]
pub enum StmtKind {
    /// `import a.b as c`
    Import(Box<Import>),
    /// `a.x = b: int = 1`
    Assign(Box<Assign>),
    /// `_a += 1`
    AugAssign(Box<AugAssign>),
    /// `name: S {…}`
    Unify(Box<Unify>),
    /// `type N = int | str`
    TypeAlias(Box<TypeAlias>),
    /// `assert a if b, "c"`
    Assert(Box<Assert>),
    /// `if a: … elif b: … else: …`
    If(Box<If>),
    /// An expression on its own.
    Expr(Box<Expr>),
    /// `schema`, `mixin` or `protocol`.
    Schema(Box<Schema>),
    /// `rule R: …`
    Rule(Box<Rule>),
    /// `name?: T = v`, in a schema, mixin or protocol body only.
    Attr(Box<Attr>),
}

/// `import .a.b as c`
#[derive(Debug)]
pub struct Import {
    /// Number of leading dots; 0 for an absolute import.
    pub dots: u32,
    /// The names between the dots. Empty for a bare `import .`.
    pub path: Box<[Ident]>,
    /// The name after `as`.
    pub alias: Option<Ident>,
}

/// `t1 = t2 = value`, `t: T = value`
#[derive(Debug)]
pub struct Assign {
    /// At least one.
    pub targets: Vec<Target>,
    /// Only with a single bare target.
    pub ty: Option<Type>,
    /// The value that each target gets.
    pub value: Expr,
}

/// The left side of an assignment: `name.member[index]…`
#[derive(Debug)]
pub struct Target {
    /// The variable.
    pub name: Ident,
    /// The way from the variable to the place that is set.
    pub path: Vec<Access>,
    /// The whole target.
    pub span: Span,
}

/// One step of a [`Target`].
#[derive(Debug)]
pub enum Access {
    /// `.name`
    Member(Ident),
    /// `[index]`
    Index(Expr),
}

/// `target op= value`
#[derive(Debug)]
pub struct AugAssign {
    /// What is changed.
    pub target: Target,
    /// The operator before the `=`.
    pub op: BinaryOp,
    /// The right side.
    pub value: Expr,
}

/// `name: S(args) {…}`
#[derive(Debug)]
pub struct Unify {
    /// The variable.
    pub name: Ident,
    /// The right side.
    pub value: SchemaExpr,
    /// Of the right side.
    pub value_span: Span,
}

/// `type name = ty`
#[derive(Debug)]
pub struct TypeAlias {
    /// The new name.
    pub name: Ident,
    /// What it stands for.
    pub ty: Type,
}

/// `assert test if guard, message`; also a line of a check block or a rule, without the word.
#[derive(Debug)]
pub struct Assert {
    /// Must be truthy.
    pub test: Expr,
    /// The test counts only where this is truthy.
    pub guard: Option<Expr>,
    /// Said when the test fails.
    pub message: Option<Expr>,
    /// The whole line.
    pub span: Span,
}

/// `if test: body elif …: … else: otherwise`; an `elif` is an `If` alone in `otherwise`.
#[derive(Debug)]
pub struct If {
    /// The condition.
    pub test: Expr,
    /// When truthy.
    pub body: Vec<Stmt>,
    /// When falsy.
    pub otherwise: Vec<Stmt>,
}

/// Which word opened a [`Schema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaKind {
    /// `schema`
    Schema,
    /// `mixin`
    Mixin,
    /// `protocol`
    Protocol,
}

/// `schema Name[params](Base) for Protocol: …`
#[derive(Debug)]
pub struct Schema {
    /// Its first word.
    pub kind: SchemaKind,
    /// Its name.
    pub name: Ident,
    /// The decorators before it.
    pub decorators: Vec<Decorator>,
    /// Its arguments, between brackets.
    pub params: Vec<Param>,
    /// The schema it extends.
    pub base: Option<Path>,
    /// The protocol after `for`.
    pub host: Option<Path>,
    /// Those of the `mixin [...]` line.
    pub mixins: Vec<Path>,
    /// Attributes, assignments, ifs, asserts, expressions.
    pub body: Vec<Stmt>,
    /// `[k: str]: int = 1`
    pub index: Option<IndexSignature>,
    /// The lines of the check block.
    pub checks: Vec<Assert>,
}

/// `rule R[params](A, B) for P: …`
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: Ident,
    /// The decorators before it.
    pub decorators: Vec<Decorator>,
    /// Its arguments, between brackets.
    pub params: Vec<Param>,
    /// The rules that it extends.
    pub parents: Vec<Path>,
    /// The protocol after `for`.
    pub host: Option<Path>,
    /// What it checks.
    pub checks: Vec<Assert>,
}

/// `@name(args)`
#[derive(Debug)]
pub struct Decorator {
    /// Its name.
    pub name: Path,
    /// Its arguments.
    pub args: Args,
    /// The whole of it.
    pub span: Span,
}

/// A parameter of a schema, rule or lambda.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Option<Type>,
    /// Its default.
    pub default: Option<Expr>,
}

/// `name?: T = value`, `name: T |= value`
#[derive(Debug)]
pub struct Attr {
    /// The decorators before it.
    pub decorators: Vec<Decorator>,
    /// Its name, which may have been written as a string.
    pub name: Ident,
    /// Whether a `?` follows the name.
    pub optional: bool,
    /// Its type.
    pub ty: Type,
    /// The operator before the `=` of the default: `|=` has `BitOr`.
    pub op: Option<BinaryOp>,
    /// Its default.
    pub value: Option<Expr>,
}

/// `[...k: str]: int = 1`
#[derive(Debug)]
pub struct IndexSignature {
    /// The name of the key, for the default and the checks.
    pub key_name: Option<Ident>,
    /// The type of the keys.
    pub key: Type,
    /// The type of the values.
    pub value: Type,
    /// The default.
    pub default: Option<Expr>,
    /// Whether `...` stands before the key: declared attributes need not fit.
    pub any_other: bool,
    /// The whole line.
    pub span: Span,
}

/// An expression.
#[derive(Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// From its first to its last token.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Debug)]
pub enum ExprKind {
    /// Could not be read; a diagnostic says why.
    Missing,
    /// `None`
    None,
    /// `Undefined`
    Undefined,
    /// `True`, `False`
    Bool(bool),
    /// `1`; above 2^63-1 it has wrapped.
    Int(i64),
    /// `1.5`
    Float(f64),
    /// `1Ki`
    Unit(Box<UnitNumber>),
    /// A string without interpolation, decoded.
    Str(Box<str>),
    /// A string with interpolation.
    Template(Box<[TemplatePart]>),
    /// `name`
    Name(Symbol),
    /// `a.b`, `a?.b`
    Member(Box<Member>),
    /// `a[i]`, `a?[i]`
    Index(Box<Index>),
    /// `a[b:c:d]`
    Slice(Box<Slice>),
    /// `f(x, y=1)`
    Call(Box<Call>),
    /// `(a)`; kept since a quantifier target or a config key cares.
    Paren(Box<Expr>),
    /// `-a`
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`, `a and b`, `a | b`, `x as T` is [`ExprKind::As`].
    Binary(Box<Binary>),
    /// `a < b <= c`, also a single comparison.
    Compare(Box<Compare>),
    /// `x as T`
    As(Box<As>),
    /// `a if c else b`
    IfElse(Box<IfElse>),
    /// `[a, *b, if c: d]`
    List(Vec<ListItem>),
    /// `[e for v in it if c]`
    ListComp(Box<ListComp>),
    /// `{k = v}`
    Config(Box<Config>),
    /// `{k: v for k, v in it}`
    DictComp(Box<DictComp>),
    /// `S(args) {…}`, also `value {…}`.
    Schema(Box<SchemaExpr>),
    /// `lambda x { … }`
    Lambda(Box<Lambda>),
    /// `all x in l { … }`
    Quantifier(Box<Quantifier>),
}

/// `1Ki`: the digits and the suffix, as written; the value is `digits * factor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitNumber {
    /// The number before the suffix.
    pub raw: i64,
    /// `n u m k K M G T P Ki Mi Gi Ti Pi`
    pub suffix: Symbol,
}

/// A piece of an interpolated string.
#[derive(Debug)]
pub enum TemplatePart {
    /// Text between the interpolations, decoded.
    Text(Box<str>),
    /// `${value: #json}`
    Value {
        /// The expression.
        value: Expr,
        /// What follows the colon.
        format: Option<TemplateFormat>,
    },
}

/// How an interpolated value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateFormat {
    /// `#json`
    Json,
    /// `#yaml`
    Yaml,
}

/// `value.name`, `value?.name`
#[derive(Debug)]
pub struct Member {
    /// Left of the dot.
    pub value: Expr,
    /// Whether `?` stands before the dot.
    pub optional: bool,
    /// Right of the dot.
    pub name: Ident,
}

/// `value[index]`, `value?[index]`
#[derive(Debug)]
pub struct Index {
    /// Left of the bracket.
    pub value: Expr,
    /// Whether `?` stands before the bracket.
    pub optional: bool,
    /// Between the brackets.
    pub index: Expr,
}

/// `value[lower:upper:step]`
#[derive(Debug)]
pub struct Slice {
    /// Left of the bracket.
    pub value: Expr,
    /// Whether `?` stands before the bracket.
    pub optional: bool,
    /// Before the first colon.
    pub lower: Option<Expr>,
    /// Between the colons.
    pub upper: Option<Expr>,
    /// After the second colon.
    pub step: Option<Expr>,
}

/// `callee(args)`
#[derive(Debug)]
pub struct Call {
    /// What is called.
    pub callee: Expr,
    /// With what.
    pub args: Args,
}

/// The arguments of a call, schema expression or decorator.
#[derive(Debug, Default)]
pub struct Args {
    /// In order.
    pub positional: Vec<Expr>,
    /// `name=value`, in order.
    pub keywords: Vec<(Ident, Expr)>,
}

/// Operators before a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `~`
    Invert,
    /// `not`
    Not,
}

/// Operators between two values, but for comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    LShift,
    RShift,
    BitAnd,
    BitOr,
    BitXor,
    And,
    Or,
}

/// `left op right`
#[derive(Debug)]
pub struct Binary {
    /// Left of the operator.
    pub left: Expr,
    /// The operator.
    pub op: BinaryOp,
    /// Right of the operator.
    pub right: Expr,
}

/// Comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum CompareOp {
    Eq,
    NotEq,
    Lt,
    LtE,
    Gt,
    GtE,
    Is,
    IsNot,
    In,
    NotIn,
}

/// `first op operand op operand …`; every neighbouring pair must hold.
#[derive(Debug)]
pub struct Compare {
    /// The leftmost operand.
    pub first: Expr,
    /// The others, each with the operator before it; at least one.
    pub rest: Vec<(CompareOp, Expr)>,
}

/// `value as ty`
#[derive(Debug)]
pub struct As {
    /// What is converted.
    pub value: Expr,
    /// To what.
    pub ty: Type,
}

/// `then if test else otherwise`
#[derive(Debug)]
pub struct IfElse {
    /// When truthy.
    pub then: Expr,
    /// The condition.
    pub test: Expr,
    /// When falsy.
    pub otherwise: Expr,
}

/// An item of a list display.
#[derive(Debug)]
pub enum ListItem {
    /// `a`
    Value(Expr),
    /// `*a`
    Unpack(Expr),
    /// `if c: a, b else: d`
    If(Box<ListIf>),
}

/// Items under a condition; an `elif` is a `ListItem::If` alone in `otherwise`.
#[derive(Debug)]
pub struct ListIf {
    /// The condition.
    pub test: Expr,
    /// When truthy.
    pub items: Vec<ListItem>,
    /// When falsy.
    pub otherwise: Vec<ListItem>,
}

/// `for targets in iter if conditions`
#[derive(Debug)]
pub struct CompClause {
    /// One or two.
    pub targets: Vec<Ident>,
    /// What is walked.
    pub iter: Expr,
    /// All must hold.
    pub conditions: Vec<Expr>,
}

/// `[value for …]`
#[derive(Debug)]
pub struct ListComp {
    /// The element. A [`ListItem::Unpack`] is not possible here.
    pub value: Expr,
    /// The loops, outermost first; never empty.
    pub clauses: Vec<CompClause>,
}

/// `{key op value for …}`
#[derive(Debug)]
pub struct DictComp {
    /// What each turn adds.
    pub entry: Entry,
    /// The loops, outermost first; never empty.
    pub clauses: Vec<CompClause>,
}

/// `{ … }`
#[derive(Debug, Default)]
pub struct Config {
    /// In order.
    pub items: Vec<ConfigItem>,
    /// From brace to brace.
    pub span: Span,
}

/// An item of a config block.
#[derive(Debug)]
pub enum ConfigItem {
    /// `key op value`
    Entry(Entry),
    /// `**value`
    Unpack(Expr),
    /// `if c: …`
    If(Box<ConfigIf>),
}

/// Entries under a condition; an `elif` is a `ConfigItem::If` alone in `otherwise`.
#[derive(Debug)]
pub struct ConfigIf {
    /// The condition.
    pub test: Expr,
    /// When truthy.
    pub items: Vec<ConfigItem>,
    /// When falsy.
    pub otherwise: Vec<ConfigItem>,
    /// From `if` to the end of this arm.
    pub span: Span,
}

/// `key op value`
#[derive(Debug)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The operator.
    pub op: EntryOp,
    /// The value.
    pub value: Expr,
    /// Of the key.
    pub key_span: Span,
}

/// The operator of a config entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryOp {
    /// `:`
    Union,
    /// `=`
    Override,
    /// `+=`
    Insert,
}

/// The key of a config entry.
#[derive(Debug)]
pub enum Key {
    /// `a`, `a.b.c`
    Path(Path),
    /// `"a.b"`, a single key
    Str(Symbol),
    /// `a[0]`, `a.b[-1]`
    Index(Path, i64),
    /// An interpolated string, a parenthesised expression, a call, anything else.
    Expr(Box<Expr>),
}

/// `name(args) {…}`. Whether `name` is a schema or a value is known after resolution.
#[derive(Debug)]
pub struct SchemaExpr {
    /// `S`, `pkg.S`, `value.member`
    pub name: Path,
    /// Of the name.
    pub name_span: Span,
    /// Absent where no parentheses were written.
    pub args: Option<Args>,
    /// The braces.
    pub config: Config,
}

/// `lambda params -> T { body }`
#[derive(Debug)]
pub struct Lambda {
    /// In order.
    pub params: Vec<Param>,
    /// After the arrow.
    pub returns: Option<Type>,
    /// The last statement is the result.
    pub body: Vec<Stmt>,
}

/// The quantifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum QuantifierOp {
    All,
    Any,
    Filter,
    Map,
}

/// `op targets in iter { test if guard }`
#[derive(Debug)]
pub struct Quantifier {
    /// Which one.
    pub op: QuantifierOp,
    /// One or two.
    pub targets: Vec<Ident>,
    /// What is walked.
    pub iter: Expr,
    /// The condition, or the new value.
    pub test: Expr,
    /// Elements where this is falsy are skipped.
    pub guard: Option<Expr>,
}

/// A type expression.
#[derive(Debug)]
pub struct Type {
    /// What it is.
    pub kind: TypeKind,
    /// From its first to its last token.
    pub span: Span,
}

/// The kinds of type expression.
#[derive(Debug)]
pub enum TypeKind {
    /// `any`
    Any,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `str`
    Str,
    /// `True`, `False`
    LitBool(bool),
    /// `1`
    LitInt(i64),
    /// `1.5`
    LitFloat(f64),
    /// `1Ki`
    LitUnit(Box<UnitNumber>),
    /// `"a"`
    LitStr(Box<str>),
    /// `S`, `pkg.S`, `units.NumberMultiplier`
    Named(Path),
    /// `[T]`, `[]`
    List(Option<Box<Type>>),
    /// `{K: V}`, either side may be empty
    Dict(Option<Box<Type>>, Option<Box<Type>>),
    /// `A | B`
    Union(Vec<Type>),
    /// `(A, B) -> R`
    Function(Vec<Type>, Option<Box<Type>>),
}

const _: () = assert!(size_of::<Expr>() <= 32);
