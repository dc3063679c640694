//! The functions of Kubernetes' CEL environment that rules use, besides CEL's own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use cel::common::ast::{CallExpr, Expr};
use cel::common::types::{self, CelBool, CelString};
use cel::common::value::{CowVal, Val};
use cel::parser::Macro;
use cel::{DeclarationError, Env, ExecutionError, extensions};
use regex::Regex;

use crate::schema::pattern;

/// The environment that all expressions share.
pub(super) fn environment() -> &'static Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Env::stdlib();
        // A declaration that clashes is a defect of this file, which the test of this module shows.
        let _ = declare(&mut env);
        Arc::new(env)
    })
}

/// What `x.matches(re)` becomes: the standard function compiles the expression each time, with another syntax.
const MATCHES: &str = "re2.matches";

fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_extension(extensions::strings)?;
    env.add_macro(Macro::receiver("matches", 1, |helper, target, args| {
        let mut call: Vec<_> = target.take().into_iter().collect();
        call.append(args);
        Ok(Some(helper.next_expr(Expr::Call(CallExpr { func_name: MATCHES.to_owned(), target: None, args: call }))))
    }))?;
    let string = || types::STRING_TYPE;
    env.add_overload(MATCHES, "re2_matches", vec![string(), string()], |args| {
        let (text, expression) = (text(&args, 0)?, text(&args, 1)?);
        Ok(CowVal::owned(CelBool::from(cached(expression, |regex| regex.is_match(text))?)))
    })?;
    env.add_overload("isIP", "is_ip", vec![string()], |args| {
        Ok(CowVal::owned(CelBool::from(parse_ip(text(&args, 0)?).is_some())))
    })?;
    env.add_overload("isCIDR", "is_cidr", vec![string()], |args| {
        Ok(CowVal::owned(CelBool::from(is_cidr(text(&args, 0)?))))
    })?;
    env.add_member_overload("find", "string_find", string(), vec![string()], |args| {
        let (text, expression) = (text(&args, 0)?, text(&args, 1)?);
        let found = cached(expression, |regex| regex.find(text).map(|found| found.as_str().to_owned()))?;
        Ok(CowVal::owned(CelString::from(found.unwrap_or_default())))
    })?;
    env.add_member_overload("isSorted", "list_is_sorted", types::LIST_TYPE, vec![], |args| {
        let list = args.first().and_then(|list| list.as_iterable());
        let mut elements = list.ok_or_else(ExecutionError::missing_argument_or_target)?.iter();
        let mut previous: Option<&dyn Val> = None;
        while let Some(element) = elements.next() {
            if let Some(previous) = previous.replace(element) {
                let comparer = previous.as_comparer().ok_or_else(ExecutionError::missing_argument_or_target)?;
                if comparer.compare(element)?.is_gt() {
                    return Ok(CowVal::owned(CelBool::from(false)));
                }
            }
        }
        Ok(CowVal::owned(CelBool::from(true)))
    })
}

fn text<'b>(args: &'b [CowVal<'_, '_>], index: usize) -> Result<&'b str, ExecutionError> {
    let argument = args.get(index).and_then(|argument| argument.as_ref().downcast_ref::<CelString<'_>>());
    argument.map(CelString::inner).ok_or_else(ExecutionError::missing_argument_or_target)
}

/// Most rules state their expression literally; the number of different ones is that of the CRDs. Expressions that a
/// rule computes from an object could be many: the table is emptied when it grows beyond all literal ones.
const CACHED_EXPRESSIONS: usize = 256;

fn cached<T>(expression: &str, use_it: impl FnOnce(&Regex) -> T) -> Result<T, ExecutionError> {
    thread_local! {
        static CACHE: RefCell<HashMap<String, Regex>> = RefCell::new(HashMap::new());
    }
    CACHE.with_borrow_mut(|cache| {
        if let Some(regex) = cache.get(expression) {
            return Ok(use_it(regex));
        }
        let regex = pattern::compile(expression).map_err(|error| ExecutionError::function_error("matches", error))?;
        let result = use_it(&regex);
        if cache.len() >= CACHED_EXPRESSIONS {
            cache.clear();
        }
        cache.insert(expression.to_owned(), regex);
        Ok(result)
    })
}

/// Kubernetes takes neither zones nor IPv4 addresses mapped into IPv6 for IP addresses.
fn parse_ip(text: &str) -> Option<IpAddr> {
    match text.parse().ok()? {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => None,
        address => Some(address),
    }
}

fn is_cidr(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, length)| {
        let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let plain = length == "0" || !length.starts_with('0');
        match (parse_ip(address), length.parse::<u8>()) {
            (Some(IpAddr::V4(_)), Ok(bits)) => digits && plain && bits <= 32,
            (Some(IpAddr::V6(_)), Ok(bits)) => digits && plain && bits <= 128,
            _ => false,
        }
    })
}
