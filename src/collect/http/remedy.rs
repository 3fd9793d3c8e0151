//! What a person can do when there was no answer: for the administrator who reads it at night.

use super::{Asker, HttpError, Page, RetryAfter};
use crate::config::SecretError;

impl HttpError {
    /// What a person can do about it, in full sentences.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Address { .. } => {
                "Write the address in the agent's configuration as \
                 https://wiki.example.com/confluence, and credentials under their own keys."
                    .to_owned()
            }
            Self::ReadCertificates(cause) | Self::Secret { cause: SecretError::ReadFile(cause), .. } => {
                cause.remedy()
            }
            Self::NotCertificates { path } => format!(
                "Put the certificate of the authority that signed the server's certificate, in PEM form, into {}.",
                path.display()
            ),
            Self::Setup(_) => {
                "Install the system's certificates (package ca-certificates), or set ca_file.".to_owned()
            }
            Self::Secret { .. } | Self::UnusableSecret { .. } => {
                "Put the token alone, in one line, where the agent's configuration says it is.".to_owned()
            }
            Self::Unreachable { at, .. } => format!(
                "Check that the service runs and that this host reaches it: curl -v {at}. \
                 A proxy is taken from http_proxy, https_proxy and no_proxy of the agent's environment."
            ),
            Self::Tls { problem, .. } => problem.remedy().to_owned(),
            Self::Timeout { at, .. } => {
                format!("See what holds it up: curl -v --max-time 60 {at}, and the service's log.")
            }
            Self::Interrupted { .. } => {
                "See the log of the service, and of a proxy in front of it, for what ended the answer."
                    .to_owned()
            }
            Self::TooLong { at, .. } => {
                format!("See what answers there: curl -s {at} | head -c 2000.")
            }
            Self::Status { code, who, page, retry_after, .. } => status_remedy(*code, who, *page, *retry_after),
            Self::AdministratorSession { .. } => {
                "Secure administrator sessions are on, and a password alone does not pass them: give the agent a \
                 personal access token of an administrator instead (profile picture, Settings, Personal access tokens)."
                    .to_owned()
            }
            Self::NotJson { looks_like, .. } => page_remedy(*looks_like).to_owned(),
            Self::Redirected { to, .. } => format!(
                "If {to} is the right place, set base_url to it; if it is a single sign-on, let the REST paths \
                 pass it, or set base_url to the address behind it."
            ),
            Self::TooManyRedirects { at, .. } => {
                format!("See where it leads: curl -sIL --max-redirs 5 {at}. Check base_url and the proxy.")
            }
            Self::Decode { at, .. } => format!(
                "See whether base_url leads to the right service: curl -s {at}. If it does, report this with \
                 the product's version."
            ),
        }
    }
}

fn status_remedy(code: u16, who: &Asker, page: Option<Page>, retry_after: Option<RetryAfter>) -> String {
    match (code, page) {
        (_, Some(Page::NotRunning)) => page_remedy(Page::NotRunning).to_owned(),
        (401 | 403, _) if who.is_nobody() => {
            "It wants to know who asks, or a proxy or firewall on the way refuses the request: see what comes \
             back with curl -v."
                .to_owned()
        }
        (401, _) => {
            "The token or password is missing, wrong, expired or revoked: make a new personal access \
                     token. If a password is right, its use may be switched off or the account locked after \
                     failed attempts: log in once in the browser."
                .to_owned()
        }
        (403, _) => "The account may log in but not see this: give it the right to administer the product \
                     (group confluence-administrators)."
            .to_owned(),
        (407, _) => {
            "The proxy wants a password: see http_proxy and no_proxy of the agent's environment.".to_owned()
        }
        (404 | 410, _) => {
            "Check base_url, above all its context path. If it is right, the plug-in that answers \
                           there is disabled or this version does not have it."
                .to_owned()
        }
        (429, _) => match retry_after {
            Some(RetryAfter::Seconds(seconds)) => {
                format!("It will answer again in {seconds} s; ask less often.")
            }
            Some(RetryAfter::At(moment)) => format!("It will answer again at {moment}; ask less often."),
            None => "It limits how often it answers: ask less often, or exempt the agent's account from its \
                     rate limit."
                .to_owned(),
        },
        (502..=504, _) => {
            "The service is starting, stopping or down behind its proxy: see its log, and ask again."
                .to_owned()
        }
        (500..=599, _) => "The service failed to answer: see its log at this time.".to_owned(),
        _ => "See what answers there with curl -v, and check base_url.".to_owned(),
    }
}

fn page_remedy(page: Page) -> &'static str {
    match page {
        Page::Login => {
            "The token or password is missing, wrong or expired, or a single sign-on stands before the REST \
             paths: make a new personal access token, or set base_url to the address behind the sign-on."
        }
        Page::NotRunning => {
            "The service is starting, being upgraded or stopped by an error: open it in the browser and read \
             what it says there, then its log."
        }
        Page::Other => "Check base_url: something else than the service's REST interface answers there.",
    }
}
