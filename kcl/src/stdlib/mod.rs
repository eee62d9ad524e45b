//! Builtin functions, string methods and system modules.

mod args;
mod builtin;
mod codec;
mod data;
mod file;
mod format;
mod math;
mod misc;
mod net;
mod number;
mod regex;
mod str;
mod time;
mod unique;
mod units;

pub use data::nested_too_deep;
pub use file::whole_pattern;

use bumpalo::Bump;
use syntax::Diagnostic;

use crate::value::{Args, Dict, Instance, Key, SchemaType, Value, Watch};
use crate::world::{Query, World};

/// Why something failed while it ran.
pub enum Failure {
    /// What went wrong; whoever knows the place adds it.
    Message(String),
    /// The same with its place.
    At(Box<Diagnostic>),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::Message(message.to_owned())
    }
}

/// The result of whatever may fail while it runs.
pub type Outcome<T> = Result<T, Failure>;

/// What made a result depend on more than its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Volatile {
    /// The clock was read.
    Clock,
    /// A random number was drawn.
    Random,
    /// The environment was read.
    Environment,
    /// A file was written, moved or deleted.
    SideEffect,
}

/// What library functions need of the run that calls them. The trace is recorded behind these methods.
pub trait Host<'v> {
    /// Where new values go.
    fn arena(&self) -> &'v Bump;

    /// The outside.
    fn world(&self) -> &'v dyn World;

    /// Notes that the result depends on more than its inputs.
    fn volatile(&mut self, what: Volatile);

    /// The folder that the program is compiled in.
    fn work_dir(&self) -> &'v std::path::Path;

    /// The file of the code that runs; relative paths of `file.*` start from its folder.
    fn current_file(&self) -> &'v std::path::Path;

    /// The module root that `file.*` may not leave; `None` without a `kcl.mod`.
    fn module_root(&self) -> Option<&'v std::path::Path>;

    /// Counts so many pairs of values that are compared.
    ///
    /// # Errors
    /// Where the steps are used up.
    fn compared(&mut self, pairs: u64) -> Outcome<()>;

    /// What an instance watches that has the keys of a dict set, too.
    fn watch_keys(&mut self, instance: &Instance<'v>, more: &Dict<'v>, checked: bool) -> &'v Watch<'v>;

    /// What is watched of an instance in a dict that has a key set, too.
    fn watch_key(&mut self, unpacked: &'v Watch<'v>, key: Key<'v>) -> &'v Watch<'v>;

    /// What an instance watches that is made of two of one schema.
    fn watch_both(&mut self, left: &'v Watch<'v>, right: &'v Watch<'v>) -> &'v Watch<'v>;

    /// Notes what was asked of the files.
    fn asked(&mut self, query: Query);

    /// Notes that the result depends on where the files are.
    fn used_location(&mut self);

    /// Notes that the result depends on the file that the code is in.
    fn used_file_name(&mut self);

    /// The value given for an option, if any.
    fn option(&mut self, name: &str) -> Option<Value<'v>>;

    /// Adds to what the program prints.
    fn print(&mut self, text: &str);

    /// Replaces the output of the program.
    fn set_output(&mut self, text: String);

    /// The type of a function's first parameter, where it is declared and not `any`.
    fn first_parameter(&self, callee: Value<'v>) -> Option<String>;

    /// Calls a value.
    ///
    /// # Errors
    /// Where the value is not callable, the arguments do not fit, or the call fails.
    fn call(&mut self, callee: Value<'v>, args: Args<'v>) -> Outcome<Value<'v>>;

    /// Constructs a schema from a config; a union of instances does this again.
    ///
    /// # Errors
    /// Where the config does not fit, or a check fails.
    fn construct(
        &mut self,
        schema: &'v SchemaType,
        config: Dict<'v>,
        args: &'v [Value<'v>],
        kwargs: Dict<'v>,
    ) -> Outcome<Value<'v>>;

    /// Whether integers are held to 32 bits and floats to single precision (`-r`).
    fn strict_range(&self) -> bool;

    /// The message of a failure, for programs that catch it.
    fn failure_text(&self, failure: Failure) -> String;
}

/// The code of a library function.
pub type Body = for<'v> fn(&mut dyn Host<'v>, Args<'v>) -> Outcome<Value<'v>>;

/// A builtin function, or a member of a system module.
pub struct Function {
    /// The system module that it is of; empty for builtins.
    pub module: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub body: Body,
    /// Its parameters and result, as the checker sees them, `(x: str, n?: int) -> str`.
    pub signature: &'static str,
}

/// A member of a system module.
const fn of(module: &'static str, name: &'static str, signature: &'static str, body: Body) -> Function {
    Function { module, name, body, signature }
}

/// A string method.
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// What it does with its string and the arguments.
    pub body: for<'v> fn(&mut dyn Host<'v>, &'v str, Args<'v>) -> Outcome<Value<'v>>,
    /// Its parameters and result, as the checker sees them.
    pub signature: &'static str,
}

/// A member of a system module.
#[derive(Clone, Copy)]
pub enum Member {
    /// Something to call.
    Function(&'static Function),
    /// A constant of the type `int`.
    Int(i64),
    /// A constant of the type `float`.
    Float(f64),
}

/// The names of the system modules.
pub const MODULES: [&str; 15] = [
    "base32",
    "base64",
    "collection",
    "crypto",
    "datetime",
    "file",
    "json",
    "manifests",
    "math",
    "net",
    "regex",
    "runtime",
    "template",
    "units",
    "yaml",
];

/// A builtin function.
#[must_use]
pub fn builtin(name: &str) -> Option<&'static Function> {
    find(builtin::FUNCTIONS, name)
}

/// A member of a system module.
#[must_use]
pub fn module_member(module: &str, name: &str) -> Option<Member> {
    if module == "units"
        && let Some(constant) = units::constant(name)
    {
        return Some(constant);
    }
    find(module_functions(module), name).map(Member::Function)
}

/// A method of strings.
#[must_use]
pub fn string_method(name: &str) -> Option<&'static Method> {
    str::METHODS.iter().find(|method| method.name == name)
}

fn find(functions: &'static [Function], name: &str) -> Option<&'static Function> {
    functions.iter().find(|function| function.name == name)
}

fn module_functions(module: &str) -> &'static [Function] {
    match module {
        "base32" => codec::BASE32,
        "base64" => codec::BASE64,
        "collection" => misc::COLLECTION,
        "crypto" => codec::CRYPTO,
        "datetime" => time::FUNCTIONS,
        "file" => file::FUNCTIONS,
        "json" => data::JSON,
        "manifests" => misc::MANIFESTS,
        "math" => math::FUNCTIONS,
        "net" => net::FUNCTIONS,
        "regex" => regex::FUNCTIONS,
        "runtime" => misc::RUNTIME,
        "template" => misc::TEMPLATE,
        "units" => units::FUNCTIONS,
        "yaml" => data::YAML,
        _ => &[],
    }
}
