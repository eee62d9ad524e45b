//! Signatures of library functions.
//!
//! The library declares them as texts such as `(x: str, n?: int, *rest) -> str`; here they become function types,
//! each once per process.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use syntax::Symbol;

use super::ty::{FunctionType, Param, Type};
use crate::stdlib;

/// Names of the builtin functions, for those that the library does not declare.
const BUILTINS: [&str; 32] = [
    "abs",
    "all_true",
    "any_true",
    "bin",
    "bool",
    "dict",
    "float",
    "hex",
    "int",
    "isnullish",
    "isunique",
    "len",
    "list",
    "max",
    "min",
    "multiplyof",
    "oct",
    "option",
    "ord",
    "pow",
    "print",
    "range",
    "reduce",
    "round",
    "sorted",
    "str",
    "sum",
    "typeof",
    "zip",
    "filter",
    "map",
    "file",
];

static BUILTIN_TYPES: LazyLock<FxHashMap<Symbol, Type>> = LazyLock::new(|| {
    let functions = BUILTINS.into_iter().filter_map(|name| {
        let function = stdlib::builtin(name)?;
        Some((Symbol::new(name), parse(function.signature)))
    });
    functions.collect()
});

static PARSED: LazyLock<RwLock<BTreeMap<&'static str, Type>>> = LazyLock::new(RwLock::default);

/// The type of a builtin function.
pub(super) fn builtin(name: Symbol) -> Option<Type> {
    BUILTIN_TYPES.get(&name).cloned()
}

/// The names of the builtin functions.
pub(super) fn builtin_names() -> impl Iterator<Item = &'static str> {
    BUILTINS.into_iter().filter(|name| stdlib::builtin(name).is_some())
}

/// The type of a signature.
pub(super) fn parse(text: &'static str) -> Type {
    if let Some(ty) = PARSED.read().unwrap_or_else(PoisonError::into_inner).get(text) {
        return ty.clone();
    }
    let ty = Reader { rest: text }.ty().unwrap_or(Type::Any);
    PARSED.write().unwrap_or_else(PoisonError::into_inner).entry(text).or_insert(ty).clone()
}

/// What is left of a text.
struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn eat(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        let end =
            self.rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// `A | B`
    fn ty(&mut self) -> Option<Type> {
        let mut members = vec![self.single()?];
        while self.eat("|") {
            members.push(self.single()?);
        }
        Some(if members.len() == 1 { members.swap_remove(0) } else { Type::Union(Arc::from(members)) })
    }

    fn single(&mut self) -> Option<Type> {
        if self.eat("(") {
            return self.function();
        }
        if self.eat("[") {
            let item = if self.eat("]") { return Some(Type::list(Type::Any)) } else { self.ty()? };
            return self.eat("]").then(|| Type::list(item));
        }
        if self.eat("{") {
            return self.dict();
        }
        if self.eat("\"") {
            let end = self.rest.find('"')?;
            let text = Type::text(&self.rest[..end]);
            self.rest = &self.rest[end + 1..];
            return Some(text);
        }
        named(self.word())
    }

    /// `K: V}`
    fn dict(&mut self) -> Option<Type> {
        let key = if self.eat(":") { None } else { Some(self.ty()?) };
        let colon = key.is_none() || self.eat(":");
        let value = if self.eat("}") { None } else { Some(self.ty()?) };
        let closed = value.is_none() || self.eat("}");
        (colon && closed).then(|| Type::dict(key.unwrap_or(Type::Any), value.unwrap_or(Type::Any)))
    }

    /// `x: str, n?: int, *rest) -> T`, or types alone as parameters.
    fn function(&mut self) -> Option<Type> {
        let (mut params, mut variadic) = (Vec::new(), false);
        while !self.eat(")") {
            if self.eat("*") {
                variadic = true;
                self.eat("*");
                self.word();
                if self.eat(":") {
                    self.ty()?;
                }
            } else {
                params.push(self.param()?);
            }
            self.eat(",");
            if self.rest.is_empty() {
                return None;
            }
        }
        let result = if self.eat("->") { self.ty()? } else { Type::Any };
        Some(Type::Function(Arc::new(FunctionType { params, result, variadic })))
    }

    fn param(&mut self) -> Option<Param> {
        let before = self.rest;
        let name = self.word();
        let optional = self.eat("?");
        if !name.is_empty() && self.eat(":") {
            let ty = self.ty()?;
            let has_default = optional || self.default();
            return Some(Param { name: Symbol::new(name), ty, has_default, place: None });
        }
        if !name.is_empty() && named(name).is_none() {
            let has_default = optional || self.default();
            return Some(Param { name: Symbol::new(name), ty: Type::Any, has_default, place: None });
        }
        self.rest = before;
        let ty = self.ty()?;
        Some(Param { name: Symbol::new(""), ty, has_default: false, place: None })
    }

    /// `= value`, which is skipped.
    fn default(&mut self) -> bool {
        let found = self.eat("=");
        if found {
            let end = self.rest.find([',', ')']).unwrap_or(self.rest.len());
            self.rest = &self.rest[end..];
        }
        found
    }
}

fn named(word: &str) -> Option<Type> {
    Some(match word {
        "any" => Type::Any,
        "int" => Type::Int,
        "float" => Type::Float,
        "str" => Type::Str,
        "bool" => Type::Bool,
        "None" | "none" => Type::None,
        "void" => Type::Any,
        "number_multiplier" | "units.NumberMultiplier" => Type::Unit,
        "number" => Type::Union(Arc::from([Type::Int, Type::Float])),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_signatures() {
        let Type::Function(function) = parse("(x: str, n?: int | float, *rest) -> [{str: any}]") else {
            panic!("a function");
        };
        assert!(function.variadic);
        assert_eq!(function.params.len(), 2);
        assert!(function.params[1].has_default);
        assert_eq!(function.result, Type::list(Type::dict(Type::Str, Type::Any)));
    }
}
