//! What an OTLP server says about a request that it took: nothing, a warning, or that it rejected a part.

use pipeline::component::ExportError;
use prost::Message;

use crate::printable::excerpt;

/// As much of a server's message as is worth keeping.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1024;

/// `ExportTraceServiceResponse` and its like; the three have the same shape on the wire.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PartialSuccess {
    /// Spans, data points or log records.
    #[prost(int64, tag = "1")]
    pub(crate) rejected: i64,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

/// Reads the response of a request that was answered with OK.
///
/// A response that cannot be read changes nothing: the status said that the request was taken.
pub(crate) fn judge(response: &[u8]) -> Result<(), ExportError> {
    match Response::decode(response) {
        Ok(Response {
            partial_success: Some(partial),
        }) => partial.judge(),
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::debug!(%error, "the destination took the request, but its response cannot be read");
            Ok(())
        }
    }
}

impl PartialSuccess {
    /// OTLP ("Partial Success"): the client must not send the request again, but it must tell.
    pub(crate) fn judge(self) -> Result<(), ExportError> {
        let message = excerpt(&self.message, MESSAGE_BYTES_MAX);
        match u64::try_from(self.rejected) {
            Ok(0) | Err(_) if message.is_empty() => Ok(()),
            // With nothing rejected, the message is a warning or a suggestion.
            Ok(0) | Err(_) => {
                tracing::warn!(message, "the destination took everything, with a remark");
                Ok(())
            }
            Ok(rejected) => Err(ExportError::Partial { rejected, message }),
        }
    }
}

/// Who showed the credentials that a destination did not take, to stand behind its words.
pub(crate) fn who_was_shown(authenticator: Option<&str>) -> String {
    match authenticator {
        Some(authenticator) => format!("; the credentials are those of {authenticator:?}"),
        None => "; no authenticator is named below `auth`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(rejected: i64, message: &str) -> Vec<u8> {
        let partial_success = Some(PartialSuccess {
            rejected,
            message: message.to_owned(),
        });
        Response { partial_success }.encode_to_vec()
    }

    #[test]
    fn an_empty_response_is_a_success() {
        assert_eq!(judge(&[]), Ok(()));
        assert_eq!(judge(&response(0, "")), Ok(()));
    }

    #[test]
    fn a_remark_without_rejected_items_is_a_success() {
        assert_eq!(judge(&response(0, "deprecated attribute")), Ok(()));
        assert_eq!(judge(&response(-3, "nonsense")), Ok(()));
    }

    #[test]
    fn rejected_items_are_told_with_the_servers_words_made_printable() {
        let expected = ExportError::Partial {
            rejected: 2,
            message: "bad ids\\n".to_owned(),
        };

        assert_eq!(judge(&response(2, "bad ids\n")), Err(expected));
    }

    #[test]
    fn a_response_that_cannot_be_read_does_not_undo_the_success() {
        assert_eq!(judge(b"<html>"), Ok(()));
    }
}
