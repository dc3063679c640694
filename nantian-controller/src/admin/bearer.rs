//! Who may ask: whoever has the token, once there is one (RFC 6750).

use std::path::PathBuf;
use std::{fmt, io};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use tokio::sync::watch;

use super::problem::Problem;

/// The least length of a token, in characters.
const LEAST: usize = 16;

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It can be guessed.
    #[error("the token of the admin API has fewer than {LEAST} characters: make one with `openssl rand -hex 32`")]
    Short,
    /// It cannot stand in a header field (RFC 6750 section 2.1).
    #[error("the token of the admin API has characters other than letters, digits and any of -._~+/=")]
    Characters,
}

/// The token that requests must carry. Only its digest is kept.
#[derive(Clone)]
pub struct BearerToken([u8; 32]);

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken([redacted])")
    }
}

impl BearerToken {
    /// A token, as a file has it: white space around it does not count.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.len() < LEAST {
            return Err(TokenError::Short);
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if !text.bytes().all(allowed) {
            return Err(TokenError::Characters);
        }
        Ok(Self(Sha256::digest(text).into()))
    }

    /// Whether a request has it. Digests are compared, so that the time tells neither length nor content.
    pub(super) fn check(&self, fields: &HeaderMap) -> Result<(), Problem> {
        let Some(given) = fields.get(AUTHORIZATION).map(http::HeaderValue::as_bytes).and_then(credentials) else {
            let detail = "a token is needed: send `Authorization: Bearer TOKEN`";
            return Err(Problem::unauthorized(detail, "Bearer realm=\"nantian-gw\""));
        };
        if Sha256::digest(given).ct_eq(&self.0).into() {
            return Ok(());
        }
        let challenge = "Bearer realm=\"nantian-gw\", error=\"invalid_token\"";
        Err(Problem::unauthorized("the token is not the one of this API", challenge))
    }
}

/// Why a token cannot be taken from a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenFileError {
    /// It cannot be read.
    #[error("{path}: {source}; mount the Secret with the token of the admin API, or remove admin.tokenFile")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What it holds is no use.
    #[error("{path}: {source}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: TokenError,
    },
}

/// A token that is what its file has, as often as somebody looks.
#[derive(Debug)]
pub struct FollowedToken {
    file: Option<PathBuf>,
    newest: watch::Sender<Option<BearerToken>>,
}

impl FollowedToken {
    /// Reads the file for the first time. Without one there is no token.
    ///
    /// # Errors
    ///
    /// It cannot be read, or has no token in it.
    pub fn open(file: Option<PathBuf>) -> Result<Self, TokenFileError> {
        let mut token = Self { file, newest: watch::Sender::new(None) };
        token.refresh()?;
        Ok(token)
    }

    /// The token, as it is from time to time.
    pub fn newest(&self) -> watch::Receiver<Option<BearerToken>> {
        self.newest.subscribe()
    }

    /// Reads the file again; says whether the token is another.
    ///
    /// # Errors
    ///
    /// As for [`FollowedToken::open`]; the token stays as it was.
    pub fn refresh(&mut self) -> Result<bool, TokenFileError> {
        let Some(path) = &self.file else { return Ok(false) };
        let text =
            std::fs::read_to_string(path).map_err(|source| TokenFileError::Read { path: path.clone(), source })?;
        let token = BearerToken::new(&text);
        let token = token.map_err(|source| TokenFileError::Unusable { path: path.clone(), source })?;
        Ok(self.newest.send_if_modified(|held| {
            let is_new = held.as_ref().is_none_or(|held| held.0 != token.0);
            *held = Some(token);
            is_new
        }))
    }
}

/// What follows the scheme, whose case does not matter (RFC 9110 section 11.1).
fn credentials(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_can_be_guessed_or_not_be_sent_is_refused() {
        assert_eq!(BearerToken::new("short\n").err(), Some(TokenError::Short));
        assert_eq!(BearerToken::new("sixteen letters and spaces").err(), Some(TokenError::Characters));
        assert!(BearerToken::new("0123456789abcdef\n").is_ok());
    }

    #[test]
    fn a_file_that_is_no_use_leaves_the_token_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert!(matches!(FollowedToken::open(Some(path.clone())), Err(TokenFileError::Read { .. })));
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(FollowedToken::open(Some(path.clone())), Err(TokenFileError::Unusable { .. })));

        let passes = |token: &FollowedToken, value: &'static str| {
            let fields = HeaderMap::from_iter([(AUTHORIZATION, http::HeaderValue::from_static(value))]);
            token.newest().borrow().as_ref().unwrap().check(&fields).is_ok()
        };
        std::fs::write(&path, "first-token-of-all\n").unwrap();
        let mut token = FollowedToken::open(Some(path.clone())).unwrap();
        assert!(passes(&token, "Bearer first-token-of-all"));
        std::fs::write(&path, "second-token-of-all\n").unwrap();
        assert!(token.refresh().unwrap() && !token.refresh().unwrap(), "once");
        assert!(passes(&token, "Bearer second-token-of-all") && !passes(&token, "Bearer first-token-of-all"));
        std::fs::write(&path, "").unwrap();
        assert!(token.refresh().is_err());
        assert!(passes(&token, "Bearer second-token-of-all"));
        assert!(FollowedToken::open(None).unwrap().newest().borrow().is_none());
    }

    #[test]
    fn a_token_shows_nowhere() {
        let token = BearerToken::new("0123456789abcdef").unwrap();
        assert_eq!(format!("{token:?}"), "BearerToken([redacted])");
    }

    #[test]
    fn only_the_whole_token_of_the_scheme_bearer_passes() {
        let token = BearerToken::new("0123456789abcdef").unwrap();
        let passes = |value: &'static str| {
            let fields = HeaderMap::from_iter([(AUTHORIZATION, http::HeaderValue::from_static(value))]);
            token.check(&fields).is_ok()
        };
        assert!(passes("Bearer 0123456789abcdef") && passes("bearer  0123456789abcdef"));
        for wrong in
            ["Bearer", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Basic 0123456789abcdef"]
        {
            assert!(!passes(wrong), "{wrong}");
        }
        assert!(token.check(&HeaderMap::new()).is_err());
    }
}
