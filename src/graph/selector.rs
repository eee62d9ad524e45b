//! The stack selector of the command line as text: `appops/... & ~env(prod)`.
//!
//! Rules of the grammar stay in this file: messages speak of what the user would type.

use pest::Parser;
use pest::iterators::Pair;

use self::grammar::{Grammar, Rule};

mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "graph/select.pest"]
    pub(super) struct Grammar;
}

/// A parsed selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// `appops/shop/dev`, `appops/...`
    Path(String),
    /// `env(prod)`
    Call(Function, String),
    /// `~x`
    Not(Box<Expr>),
    /// `x & y`; `x ~ y` is `x & ~y`
    And(Box<Expr>, Box<Expr>),
    /// `x | y`
    Or(Box<Expr>, Box<Expr>),
}

/// What stacks can be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Stacks of the projects of a name or path.
    Project,
    /// Stacks of a name: the environment.
    Env,
    /// Stacks of a tenant's projects.
    Tenant,
    /// Stacks that import a package, directly or not.
    Imports,
}

/// Every function with its name.
const FUNCTIONS: [(&str, Function); 4] = [
    ("project", Function::Project),
    ("env", Function::Env),
    ("tenant", Function::Tenant),
    ("imports", Function::Imports),
];

/// Why a selector selects nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectError {
    /// It does not parse: the selector, the character, and what could stand there.
    Syntax {
        /// The whole selector.
        text: String,
        /// The character, counted from 1.
        column: usize,
        /// What a user could type there.
        expected: Vec<&'static str>,
    },
    /// There is no such function.
    UnknownFunction(String),
    /// No stack is there or below.
    NoSuchPath {
        /// The path as it was written.
        path: String,
        /// What was meant, perhaps.
        near: Option<String>,
    },
    /// A path that is above stacks, but none itself.
    NotAStack(String),
    /// A path that leads out of the monorepo.
    Outside(String),
    /// No stack is of that project, environment or tenant, or no package of that path is there.
    Nothing {
        /// What was asked about.
        function: &'static str,
        /// The name as it was written.
        name: String,
        /// What was meant, perhaps.
        near: Option<String>,
    },
}

impl Function {
    /// As users write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }
}

/// Parses a selector.
///
/// # Errors
/// Where it is not one.
pub fn parse(text: &str) -> Result<Expr, SelectError> {
    let mut pairs = Grammar::parse(Rule::expression, text).map_err(|error| syntax_error(text, &error))?;
    let union = pairs.next().and_then(|expression| expression.into_inner().next());
    union.map_or_else(|| Err(nothing_expected(text)), union_of)
}

/// The selector of paths as one word, `a/x|'b c/y'`; `None` where a path has both kinds of quotes.
#[must_use]
pub fn naming<'a>(paths: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let quoted: Option<Vec<String>> = paths.into_iter().map(quoted).collect();
    quoted.map(|paths| paths.join("|"))
}

/// A path as selectors have it, in quotes unless it is plain.
fn quoted(path: &str) -> Option<String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    if path.chars().all(is_plain) && !path.starts_with('-') {
        return Some(path.to_owned());
    }
    let quote = ['\'', '"'].into_iter().find(|quote| !path.contains(*quote))?;
    Some(format!("{quote}{path}{quote}"))
}

/// `a | b`
fn union_of(pair: Pair<'_, Rule>) -> Result<Expr, SelectError> {
    let mut terms = pair.into_inner().filter(|pair| pair.as_rule() == Rule::intersection);
    let first = terms.next().map_or_else(|| Err(nothing_expected("")), intersection_of)?;
    terms.try_fold(first, |all, term| Ok(Expr::Or(Box::new(all), Box::new(intersection_of(term)?))))
}

/// `a & b`, `a ~ b`
fn intersection_of(pair: Pair<'_, Rule>) -> Result<Expr, SelectError> {
    let mut negate = false;
    let mut all: Option<Expr> = None;
    for pair in pair.into_inner() {
        if pair.as_rule() != Rule::term {
            negate = pair.as_rule() == Rule::without;
            continue;
        }
        let term = term_of(pair)?;
        let term = if negate { Expr::Not(Box::new(term)) } else { term };
        all = Some(match all {
            Some(before) => Expr::And(Box::new(before), Box::new(term)),
            None => term,
        });
    }
    all.ok_or_else(|| nothing_expected(""))
}

/// `~a`, `(a)`, `env(prod)`, `appops/...`
fn term_of(pair: Pair<'_, Rule>) -> Result<Expr, SelectError> {
    let mut negate = false;
    for pair in pair.into_inner() {
        let expr = match pair.as_rule() {
            Rule::not => {
                negate = !negate;
                continue;
            }
            Rule::union => union_of(pair)?,
            Rule::function => function_of(pair)?,
            Rule::path => Expr::Path(text_of(pair)),
            _ => continue,
        };
        return Ok(if negate { Expr::Not(Box::new(expr)) } else { expr });
    }
    Err(nothing_expected(""))
}

/// `env(prod)`
fn function_of(pair: Pair<'_, Rule>) -> Result<Expr, SelectError> {
    let mut parts = pair.into_inner().filter(|pair| !matches!(pair.as_rule(), Rule::open | Rule::close));
    let (Some(name), Some(argument)) = (parts.next(), parts.next()) else { return Err(nothing_expected("")) };
    let known = FUNCTIONS.iter().find(|(known, _)| *known == name.as_str());
    let (_, function) = known.ok_or_else(|| SelectError::UnknownFunction(name.as_str().to_owned()))?;
    Ok(Expr::Call(*function, text_of(argument)))
}

/// What stands in quotes, or the word.
fn text_of(pair: Pair<'_, Rule>) -> String {
    let text = pair.as_str();
    match pair.into_inner().next() {
        Some(inner) => text_of(inner),
        None => text.to_owned(),
    }
}

/// The grammar lets no such tree through.
fn nothing_expected(text: &str) -> SelectError {
    SelectError::Syntax { text: text.to_owned(), column: 1, expected: Vec::new() }
}

fn syntax_error(text: &str, error: &pest::error::Error<Rule>) -> SelectError {
    let at = match error.location {
        pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _)) => at,
    };
    let column = text.get(..at).map_or(0, |before| before.chars().count()) + 1;
    let mut expected: Vec<_> = match &error.variant {
        pest::error::ErrorVariant::ParsingError { positives, .. } => {
            positives.iter().filter_map(|rule| word(*rule)).collect()
        }
        pest::error::ErrorVariant::CustomError { .. } => Vec::new(),
    };
    expected.sort_unstable();
    expected.dedup();
    SelectError::Syntax { text: text.to_owned(), column, expected }
}

/// What a user would type. Rules without a word are never named.
fn word(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::or => "`|`",
        Rule::both => "`&`",
        Rule::without | Rule::not => "`~`",
        Rule::open => "`(`",
        Rule::close => "`)`",
        Rule::path | Rule::word | Rule::quoted | Rule::union | Rule::intersection | Rule::term => "a path",
        Rule::function | Rule::name => "a function",
        Rule::EOI => "the end",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> String {
        fn show(expr: &Expr) -> String {
            match expr {
                Expr::Path(path) => path.clone(),
                Expr::Call(function, name) => format!("{}({name})", function.name()),
                Expr::Not(inner) => format!("~{}", show(inner)),
                Expr::And(left, right) => format!("({} & {})", show(left), show(right)),
                Expr::Or(left, right) => format!("({} | {})", show(left), show(right)),
            }
        }
        parse(text).map_or_else(|error| format!("{error:?}"), |expr| show(&expr))
    }

    #[test]
    fn operators_bind_as_in_arithmetic() {
        assert_eq!(shape("a | b & c"), "(a | (b & c))");
        assert_eq!(shape("(a|b)&c"), "((a | b) & c)");
        assert_eq!(shape("a ~ b ~ c"), "((a & ~b) & ~c)");
        assert_eq!(shape("a & ~~b"), "(a & b)");
        assert_eq!(shape("~(a | env(prod))"), "~(a | env(prod))");
    }

    #[test]
    fn words_and_quotes() {
        assert_eq!(shape("appops/..."), "appops/...");
        assert_eq!(shape("env"), "env");
        assert_eq!(shape("project( 'a (b)' )"), "project(a (b))");
        assert_eq!(shape("imports(base/pkg/x)"), "imports(base/pkg/x)");
        assert_eq!(shape("\"a b\""), "a b");
    }

    #[test]
    fn paths_are_named_as_they_are() {
        let paths = ["apps/shop/dev", "a b/c", "x|y", "~z", "project(a)", "it's", "-q", "ü", "."];
        let named = naming(paths).expect("a selector");
        let shown = shape(&named);
        assert_eq!(shown.replace(['(', ')'], ""), paths.join(" | ").replace(['(', ')'], ""));
        for path in paths {
            let parsed = parse(&naming([path]).expect("a selector"));
            assert_eq!(parsed, Ok(Expr::Path(path.to_owned())));
        }
        assert_eq!(naming(["both ' and \""]), None);
    }

    #[test]
    fn messages_have_words_and_no_rules() {
        let SelectError::Syntax { column, expected, .. } = parse("a &").expect_err("half a selector") else {
            panic!("a syntax error");
        };
        assert_eq!((column, expected), (4, vec!["a path"]));
        assert_eq!(parse("nope(x)"), Err(SelectError::UnknownFunction("nope".to_owned())));
        for text in ["", "(", "a)", "env()", "env(a b)", "'a", "a b", "|", "~"] {
            assert!(matches!(parse(text), Err(SelectError::Syntax { .. })), "{text:?}");
        }
    }
}
