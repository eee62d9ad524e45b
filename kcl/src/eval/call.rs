//! Calls: lambdas, schemas, library functions.

use std::sync::Arc;

use syntax::Source;

use super::{Closure, Frame, Run, Used};
use crate::lower::RULE;
use crate::lower::code::{ArgsCode, Expr, LambdaCode, Param};
use crate::stdlib::Outcome;
use crate::value::{Args, Dict, DictBuilder, Entry, Func, SchemaType, Value};

impl<'r> Run<'r> {
    pub(super) fn call_expr(&mut self, callee: &'r Expr, args: &'r ArgsCode) -> Outcome<Value<'r>> {
        let callee = self.expr(callee)?;
        let args = self.args(args)?;
        self.call_value(callee, args)
    }

    pub(super) fn args(&mut self, args: &'r ArgsCode) -> Outcome<Args<'r>> {
        let mut positional = Vec::with_capacity(args.positional.len());
        for arg in &args.positional {
            positional.push(self.expr(arg)?);
        }
        let mut named = Dict::EMPTY;
        if !args.named.is_empty() {
            let mut block = DictBuilder::with_capacity(args.named.len());
            for (name, arg) in &args.named {
                let value = self.expr(arg)?;
                block.put(Entry::new(*name, value));
            }
            named = block.finish(self.arena);
        }
        Ok(Args { positional: self.arena.alloc_slice_copy(&positional), named })
    }

    pub(super) fn call_value(&mut self, callee: Value<'r>, args: Args<'r>) -> Outcome<Value<'r>> {
        let Value::Func(func) = callee else { return Ok(Value::Undefined) };
        match func {
            Func::Builtin(function) => (function.body)(self, args),
            Func::Method(method) => match method.0 {
                Value::Str(text) => (method.1.body)(self, text, args),
                _ => Ok(Value::Undefined),
            },
            Func::Lambda(closure) => self.nested(|run| run.call_lambda(closure, args)),
            Func::Schema(ty) if ty.id.schema & RULE != 0 => {
                self.nested(|run| run.check_rule(ty, Dict::EMPTY, args))
            }
            Func::Schema(ty) => self.nested(|run| run.instantiate(ty, Dict::EMPTY, None, args)),
            Func::Instances(ty) => self.instances_of(ty, args),
        }
    }

    pub(super) fn lambda(&mut self, code: &'r LambdaCode) -> Outcome<Value<'r>> {
        let mut captured = Vec::with_capacity(code.captures.len());
        for capture in &code.captures {
            captured.push(self.expr(capture)?);
        }
        let this = if code.schema.is_some() { self.this() } else { None };
        if let Some(this) = this {
            self.keep_context(this.context);
        }
        let captured = self.arena.alloc_slice_copy(&captured);
        Ok(Value::Func(Func::Lambda(self.arena.alloc(Closure { code, captured, this }))))
    }

    fn call_lambda(&mut self, closure: &'r Closure<'r>, args: Args<'r>) -> Outcome<Value<'r>> {
        let code = closure.code;
        self.tracer.part(Used::Lambda(code.package, code.number));
        let base = self.push_locals(code.locals);
        let source: &'r Arc<Source> = self.source_of(code.package, code.file);
        let frame = Frame {
            package: code.package,
            source,
            base,
            captured: closure.captured,
            closure: Some(closure),
            this: closure.this,
            lambda: true,
        };
        let depth = self.schema_depth;
        self.schema_depth += u32::from(closure.this.is_some());
        let result = self.within(frame, |run| {
            run.bind(&code.params, args, true)?;
            let mut result = run.stmts(&code.body)?;
            if let Some(ty) = &code.returns {
                result = run.pack(result, ty)?;
            }
            Ok(result)
        });
        self.schema_depth = depth;
        self.locals.truncate(base);
        result
    }

    /// Puts arguments into the first locals of the frame, held to the types of the parameters if those count.
    pub(super) fn bind(&mut self, params: &'r [Param], args: Args<'r>, typed: bool) -> Outcome<()> {
        for (at, param) in params.iter().enumerate() {
            let given = args.positional.get(at).copied();
            let given =
                if args.named.is_empty() { given } else { args.named.get(param.name.into()).or(given) };
            let value = match (given, &param.default) {
                (Some(value), _) => value,
                (None, Some(default)) => self.expr(default)?,
                (None, None) => Value::None,
            };
            let value = match &param.ty {
                Some(ty) if typed => self.pack(value, ty)?,
                _ => value,
            };
            self.set_local(at as u32, value);
        }
        Ok(())
    }

    fn instances_of(&mut self, ty: &'r SchemaType, args: Args<'r>) -> Outcome<Value<'r>> {
        let all = args.get(0, "full_pkg").is_some_and(Value::is_truthy);
        if all {
            self.tracer.coarse();
        }
        self.tracer.asked_instances(ty.id);
        let by = self.main.id;
        let recorded = self.instances.get(&ty.id).map_or(&[][..], Vec::as_slice);
        let shown = recorded.iter().filter(|made| all || made.by == by);
        let values: Vec<_> = shown.filter_map(|made| made.value).collect();
        Ok(self.list(&values))
    }
}
