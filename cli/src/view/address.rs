//! The page's address: a port of this machine, and a token that makes the address a secret.

use crate::program::{Failure, reason};
use std::net::{Ipv4Addr, TcpListener};

/// Random bytes of a token.
const TOKEN_BYTES: usize = 16;

/// 32 hexadecimal digits that nobody can guess.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// From the operating system's randomness.
    pub fn new() -> Result<Self, Failure> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::Failed(format!("the system gives no random numbers: {error}")))?;
        Ok(Token(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Whether it is the given one, in a time that does not tell where they differ.
    pub fn is(&self, given: &str) -> bool {
        let difference = self.0.bytes().zip(given.bytes()).fold(0, |all, (one, other)| all | (one ^ other));
        given.len() == self.0.len() && std::hint::black_box(difference) == 0
    }

    /// The page's path.
    pub fn path(&self) -> String {
        format!("/{}/", self.0)
    }
}

/// A port of 127.0.0.1 that nobody else has; 0: any.
pub fn listen(port: u16) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        let reason = reason(&error);
        Failure::Failed(format!("cannot listen on 127.0.0.1 port {port}: {reason}; give another --port, or 0 for any"))
    })?;
    let ready = listener.set_nonblocking(true);
    ready.map_err(|error| Failure::Failed(format!("cannot listen on 127.0.0.1: {}", reason(&error))))?;
    Ok(listener)
}

/// The port that it has.
pub fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().map(|address| address.port()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_random_and_compared_whole() {
        let (one, other) = (Token::new().unwrap(), Token::new().unwrap());
        assert_eq!(one.0.len(), 32);
        assert!(one.0.bytes().all(|digit| digit.is_ascii_hexdigit()));
        assert!(one.is(&one.0) && !one.is(&other.0));
        assert!(!one.is("") && !one.is(&one.0[..31]) && !one.is(&format!("{}0", one.0)));
    }
}
