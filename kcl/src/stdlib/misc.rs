//! `collection`, `manifests`, `runtime` and `template`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use handlebars::template::{Parameter, TemplateElement};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonValue, Output, RenderContext, RenderError,
    RenderErrorReason, Template, TemplateError, html_escape,
};

use super::args::{as_text, need, text};
use super::{Failure, Function, Host, Outcome, of};
use crate::plan::{Filter, MAX_BYTES};
use crate::value::convert::type_name;
use crate::value::ops::MAX_DEPTH;
use crate::value::size::MAX_STR;
use crate::value::union::{UnionOptions, union};
use crate::value::{Args, Dict, Entry, Func, Value};

/// The members of `collection`.
pub(super) const COLLECTION: &[Function] =
    &[of("collection", "union_all", "(list: [any]) -> any", union_all)];

/// The members of `manifests`.
pub(super) const MANIFESTS: &[Function] =
    &[of("manifests", "yaml_stream", "(values: any, opts?: {str:any}) -> any", yaml_stream)];

/// The members of `runtime`.
pub(super) const RUNTIME: &[Function] = &[of("runtime", "catch", "(func: () -> any) -> str", catch)];

/// The members of `template`.
pub(super) const TEMPLATE: &[Function] = &[
    of("template", "execute", "(template: str, data?: {str:any}) -> str", execute),
    of("template", "html_escape", "(data: str) -> str", |host, args| {
        Ok(Value::Str(host.arena().alloc_str(&html_escape(text(args, 0, "data")?))))
    }),
];

type Result<'v> = Outcome<Value<'v>>;

fn not_a_list(value: Value<'_>) -> Failure {
    format!("the argument must be a list, not `{}`", type_name(value)).into()
}

/// All items as `|` puts them together; `None` where there are none.
fn union_all<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let list = need(args, 0, "list")?;
    let Value::List(items) = list else { return Err(not_a_list(list)) };
    let Some((first, rest)) = items.split_first() else { return Ok(Value::None) };
    rest.iter().try_fold(*first, |all, item| union(host, all, *item, UnionOptions::default()))
}

/// Replaces the output by a stream of documents.
fn yaml_stream<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let values = need(args, 0, "values")?;
    let Value::List(items) = values else { return Err(not_a_list(values)) };
    let options = args.get(1, "opts");
    let (filter, between) = match options {
        Some(options) if options.config().is_some() => stream_options(options),
        Some(other) => return Err(format!("the options must be a dict, not `{}`", type_name(other)).into()),
        None => (Filter::default(), "\n---\n".to_owned()),
    };
    let stream = super::data::stream(items, filter, &between, true, MAX_BYTES);
    host.set_output(stream?);
    Ok(Value::Undefined)
}

/// Hidden keys are left out where there are options that do not say otherwise.
fn stream_options(options: Value<'_>) -> (Filter, String) {
    let flag = |name, default| options.get(name).map_or(default, Value::is_truthy);
    let mut filter = Filter::default();
    filter.sort_keys = flag("sort_keys", false);
    filter.ignore_private = flag("ignore_private", true);
    filter.ignore_none = flag("ignore_none", false);
    let separator = options.get("sep").map_or("---", as_text);
    (filter, format!("\n{separator}\n"))
}

/// The message of the failure of a call, if it fails. What is no lambda or schema is not called.
fn catch<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let func = need(args, 0, "func")?;
    if !matches!(func, Value::Func(Func::Lambda(_) | Func::Schema(_))) {
        return Ok(Value::Undefined);
    }
    match host.call(func, Args { positional: &[], named: Dict::EMPTY }) {
        Ok(_) => Ok(Value::Undefined),
        Err(failure) => {
            let message = host.failure_text(failure);
            Ok(Value::Str(host.arena().alloc_str(&message)))
        }
    }
}

fn execute<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let source = text(args, 0, "template")?;
    let data = match args.get(1, "data") {
        Some(data) => template_data(data)?,
        None => JsonValue::Object(serde_json::Map::new()),
    };
    let rendered = render(source, &data).map_err(|error| format!("cannot render the template: {error}"))?;
    Ok(Value::Str(host.arena().alloc_str(&rendered)))
}

fn template_data(data: Value<'_>) -> Outcome<JsonValue> {
    let Some(dict) = data.config() else {
        return Err(format!("the data must be a dict, not `{}`", type_name(data)).into());
    };
    object(dict, MAX_DEPTH, |_| true)
}

/// The entries that are kept, by key.
fn object(dict: &Dict<'_>, depth: usize, keeps: fn(Value<'_>) -> bool) -> Outcome<JsonValue> {
    let mut entries: Vec<_> = dict.entries().iter().filter(|entry| keeps(entry.value)).collect();
    entries.sort_by_key(|entry| entry.key.as_str());
    let pair = |entry: &Entry<'_>| Ok((entry.key.as_str().to_owned(), json(entry.value, depth)?));
    let pairs: Outcome<serde_json::Map<_, _>> = entries.into_iter().map(pair).collect();
    pairs.map(JsonValue::Object)
}

fn is_data(value: Value<'_>) -> bool {
    !matches!(value, Value::Undefined | Value::Func(_))
}

fn json(value: Value<'_>, depth: usize) -> Outcome<JsonValue> {
    let depth = depth.checked_sub(1).ok_or("the data are nested too deeply")?;
    Ok(match value {
        Value::Undefined | Value::None => JsonValue::Null,
        Value::Bool(bool) => bool.into(),
        Value::Int(int) => int.into(),
        Value::Float(float) => float.into(),
        Value::Unit(unit) => unit.value.into(),
        Value::Str(text) => text.into(),
        Value::List(items) => {
            let items = items.iter().filter(|item| is_data(**item));
            JsonValue::Array(items.map(|item| json(*item, depth)).collect::<Outcome<_>>()?)
        }
        Value::Dict(dict) => object(dict, depth, is_data)?,
        Value::Instance(it) => object(it.listed(), depth, is_data)?,
        // That is what functions were always shown as.
        Value::Func(_) => 0.into(),
    })
}

/// How deep the blocks of a template may be nested: they are parsed and rendered with recursion.
const MAX_BLOCKS: usize = 100;
/// How many brackets one tag may have, for the same reason.
const MAX_BRACKETS: usize = 200;
/// How deep partials may include each other, themselves too.
const MAX_PARTIALS: usize = 30;
/// How many partials a template may include as it is rendered.
const MAX_INCLUDED: usize = 1_000_000;

const ENTER: &str = "\0enter";
const LEAVE: &str = "\0leave";

fn render(source: &str, data: &JsonValue) -> std::result::Result<String, String> {
    check_nesting(source)?;
    let mut template = Template::compile(source).map_err(|error| template_error(&error))?;
    guard(&mut template);
    let partials = Arc::new(Partials::default());
    let mut handlebars = Handlebars::new();
    handlebars.register_helper("raw", Box::new(Raw));
    handlebars.register_helper(ENTER, Box::new(Enter(Arc::clone(&partials))));
    handlebars.register_helper(LEAVE, Box::new(Leave(partials)));
    handlebars.register_template("template", template);
    let mut out = Limited(Vec::new());
    handlebars.render_to_write("template", data, &mut out).map_err(|error| render_error(&error))?;
    String::from_utf8(out.0).map_err(|error| error.to_string())
}

fn template_error(error: &TemplateError) -> String {
    in_line(sentence(&error.reason().to_string()), error.pos().map(|(line, _)| line))
}

fn render_error(error: &RenderError) -> String {
    let reason = match error.reason() {
        RenderErrorReason::HelperNotFound(name) => format!("there is no helper `{name}`"),
        RenderErrorReason::PartialNotFound(name) => format!("there is no partial `{name}`"),
        other => sentence(&other.to_string()),
    };
    in_line(reason, error.line_no)
}

fn in_line(reason: String, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("{reason}, in line {line}"),
        None => reason,
    }
}

/// One line that starts in lower case.
fn sentence(message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Whether a template is nested no deeper than the stack can take. This looks at the tags only, and may count too
/// much where comments hold what looks like tags.
fn check_nesting(source: &str) -> std::result::Result<(), String> {
    let mut open: Vec<usize> = Vec::new();
    let mut depth: usize = 0;
    for tag in source.split("{{").skip(1) {
        let inside = tag.split("}}").next().unwrap_or(tag);
        if inside.bytes().filter(|byte| matches!(byte, b'(' | b'[' | b'{')).count() > MAX_BRACKETS {
            return Err(format!("a tag has more than {MAX_BRACKETS} brackets"));
        }
        let inside = inside.trim_start_matches(['~', '{', ' ', '\t', '\r', '\n']);
        if inside.starts_with('#') {
            open.push(1);
            depth += 1;
        } else if inside.starts_with('/') {
            depth = depth.saturating_sub(open.pop().unwrap_or(0));
        } else if inside.starts_with("else") || inside.starts_with('^') {
            // A chain of these is nested like blocks.
            depth += open.last_mut().map_or(0, |links| {
                *links += 1;
                1
            });
        }
        if depth > MAX_BLOCKS {
            return Err(format!("its blocks are nested more than {MAX_BLOCKS} deep"));
        }
    }
    Ok(())
}

/// Makes the template, and every partial that it defines, count how deep they are included.
fn guard(template: &mut Template) {
    guard_partials(template);
    if let (Some(enter), Some(leave)) = (call(ENTER), call(LEAVE)) {
        template.elements.insert(0, enter);
        template.elements.push(leave);
        // Every element has its line there.
        if let Some(first) = template.mapping.first().cloned() {
            template.mapping.insert(0, first);
        }
    }
}

fn guard_partials(template: &mut Template) {
    for element in &mut template.elements {
        match element {
            TemplateElement::HelperBlock(block) => {
                block.template.iter_mut().for_each(guard_partials);
                block.inverse.iter_mut().for_each(guard_partials);
            }
            TemplateElement::PartialBlock(block) => block.template.iter_mut().for_each(guard_partials),
            TemplateElement::DecoratorBlock(partial) => partial.template.iter_mut().for_each(guard),
            _ => {}
        }
    }
}

/// The call of a helper. No template can hold one with such a name.
fn call(helper: &str) -> Option<TemplateElement> {
    let mut element = Template::compile("{{x}}").ok()?.elements.pop()?;
    let TemplateElement::Expression(call) = &mut element else { return None };
    call.name = Parameter::Name(helper.to_owned());
    Some(element)
}

/// The partials that are under way, and all that were included.
#[derive(Default)]
struct Partials {
    depth: AtomicUsize,
    included: AtomicUsize,
}

struct Enter(Arc<Partials>);

impl HelperDef for Enter {
    fn call<'reg: 'rc, 'rc>(
        &self,
        _: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        _: &mut dyn Output,
    ) -> HelperResult {
        let depth = self.0.depth.fetch_add(1, Ordering::Relaxed);
        let included = self.0.included.fetch_add(1, Ordering::Relaxed);
        if depth >= MAX_PARTIALS || included >= MAX_INCLUDED {
            let reason = "partials include each other without end".to_owned();
            return Err(RenderErrorReason::Other(reason).into());
        }
        Ok(())
    }
}

struct Leave(Arc<Partials>);

impl HelperDef for Leave {
    fn call<'reg: 'rc, 'rc>(
        &self,
        _: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        _: &mut dyn Output,
    ) -> HelperResult {
        self.0.depth.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

/// `{{raw x}}`: strings as they are, other values as JSON.
struct Raw;

impl HelperDef for Raw {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let missing = || RenderErrorReason::ParamNotFoundForIndex("raw", 0);
        match helper.param(0).ok_or_else(missing)?.value() {
            JsonValue::String(text) => out.write(text)?,
            other => out.write(&other.to_string())?,
        }
        Ok(())
    }
}

/// Takes no more than a string may hold.
struct Limited(Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_STR {
            return Err(io::Error::other(format!("a text of more than {MAX_STR} bytes is too long")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
