//! The checks of schemas and rules.

use std::sync::Arc;

use syntax::{Code, Diagnostic, Source, Span};

use super::instance::RULE_BODY;
use super::{Frame, Run, This};
use crate::lower::RULE;
use crate::lower::code::{Check, Layout, RuleCode, SchemaCode};
use crate::package::PackageId;
use crate::stdlib::{Failure, Outcome};
use crate::value::convert::text;
use crate::value::{Args, Dict, Key, SchemaId, SchemaType, Value};

/// A file, and where in it.
type Place<'r> = (&'r Arc<Source>, Span);

impl<'r> Run<'r> {
    /// The checks of the base, of the schema, of the mixins.
    pub(super) fn checks(&mut self, context: u32, body: u32) -> Outcome<()> {
        let layout = self.contexts[context as usize].layout;
        let body_layout = &layout.bodies[body as usize];
        let Some(code) = self.schema_code(body_layout.schema) else { return Ok(()) };
        if let Some(base) = body_layout.base {
            self.checks(context, base)?;
        }
        if !code.checks.is_empty() {
            let frame = self.body_frame(context, body, code);
            self.checking(|run| {
                run.within(frame, |run| code.checks.iter().try_for_each(|check| run.check(context, check)))
            })?;
        }
        self.mixed(layout, body, |run, mixin| run.checks(context, mixin))
    }

    /// Where a check or assertion that does not hold was tested, and what it says; none if it holds, or is not asked for.
    pub(super) fn refusal(&mut self, check: &'r Check) -> Outcome<Option<(Place<'r>, String)>> {
        if let Some(guard) = &check.guard
            && !self.expr(guard)?.is_truthy()
        {
            return Ok(None);
        }
        let holds = self.expr(&check.test)?.is_truthy();
        let place = self.place;
        let message = match &check.message {
            Some(message) => self.expr(message)?,
            None => Value::Str(""),
        };
        Ok((!holds).then(|| (place, text(message))))
    }

    fn check(&mut self, context: u32, check: &'r Check) -> Outcome<()> {
        let Some((place, message)) = self.refusal(check)? else { return Ok(()) };
        let (source, span) = self.contexts[context as usize].place;
        let said = if message.is_empty() { "instance check failed".to_owned() } else { message.clone() };
        let note = if message.is_empty() { String::new() } else { format!(": {message}") };
        let diagnostic = Diagnostic::new(Code::Evaluation, source, span, said);
        let span = check.test.span;
        Err(Failure::At(Box::new(diagnostic.note(
            place.0,
            span,
            format!("check failed on the condition{note}"),
        ))))
    }

    /// Checks a rule against a config.
    pub(super) fn check_rule(
        &mut self,
        ty: &'r SchemaType,
        config: Dict<'r>,
        args: Args<'r>,
    ) -> Outcome<Value<'r>> {
        let Some(rule) = self.rule_code(ty.id) else { return Ok(Value::Undefined) };
        let host = rule.host.and_then(|host| self.schema_code(host));
        let layout = match host {
            Some(host) => self.layout(host)?,
            None => self.arena.alloc(Layout::default()),
        };
        layout.bodies.iter().for_each(|body| self.used_schema(body.schema));
        let id = host.map_or(ty.id, |host| host.ty.id);
        let context = self.open_context(id, layout, config, self.place);
        self.schema_depth += 1;
        let result = self.check_rule_in(context, rule, host, args);
        self.schema_depth -= 1;
        self.close_context(context, &result);
        result
    }

    fn check_rule_in(
        &mut self,
        context: u32,
        rule: &'r RuleCode,
        host: Option<&'r SchemaCode>,
        args: Args<'r>,
    ) -> Outcome<Value<'r>> {
        let value = match host {
            Some(host) => self.construct_in(context, host, args)?,
            None => self.dict(Dict::EMPTY),
        };
        self.rule_checks(context, rule, host.map(|host| host.ty.id), args)?;
        Ok(value)
    }

    fn rule_checks(
        &mut self,
        context: u32,
        rule: &'r RuleCode,
        host: Option<SchemaId>,
        args: Args<'r>,
    ) -> Outcome<()> {
        self.used_rule(rule.ty.id);
        if let Some(host) = host {
            self.checking(|run| {
                rule.names.iter().for_each(|name| run.used_attr_of(host, Key::from(*name)));
            });
        }
        for parent in &rule.parents {
            if let Some(parent) = self.rule_code(*parent) {
                self.nested(|run| run.rule_checks(context, parent, host, args))?;
            }
        }
        let base = self.push_locals(rule.locals);
        self.contexts[context as usize].rule = Some(rule);
        let package = PackageId(rule.ty.id.package);
        let frame = Frame {
            package,
            source: self.source_of(package, rule.file),
            base,
            captured: &[],
            closure: None,
            this: Some(This { context, body: RULE_BODY }),
            lambda: false,
        };
        let result = self.within(frame, |run| {
            run.bind(&rule.params, args, true)?;
            run.checking(|run| rule.checks.iter().try_for_each(|check| run.check(context, check)))
        });
        self.locals.truncate(base);
        result
    }

    fn rule_code(&self, id: SchemaId) -> Option<&'r RuleCode> {
        self.code(PackageId(id.package))?.rules.get((id.schema & !RULE) as usize)
    }
}
