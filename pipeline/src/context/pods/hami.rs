//! What HAMi's scheduler has written onto a pod: which parts of which GPUs its containers share.
//!
//! With HAMi the kubelet's ids name slots and not GPUs, so the annotation is what counts.

/// GPUs that an annotation may name. No node has as many; anybody who may create a pod writes what he likes.
const GPUS_MAX: usize = 64;

/// A container's share of one GPU. How much of it is asked about by nobody: requests are told which GPUs they ran on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HamiShare<'a> {
    /// The GPU, `GPU-…` included.
    uuid: &'a str,
}

impl<'a> HamiShare<'a> {
    /// The annotation that holds them.
    pub const ANNOTATION: &'static str = "hami.io/vgpu-devices-allocated";

    /// Reads the annotation: a segment per container ending in `;`, in it a share ending in `:`, of
    /// `UUID,type,memory,cores`. Empty segments are containers without a GPU. None where any part is not of that form:
    /// half of what a pod has would be a wrong answer.
    fn parse(annotation: &'a str) -> Option<Vec<Self>> {
        let shares = annotation.split(';').flat_map(|container| container.split(':'));
        let shares = shares.map(str::trim).filter(|share| !share.is_empty());
        shares.map(Self::one).collect()
    }

    /// NVIDIA's GPUs of an annotation, by UUID, each once. None where it is broken, names none of these, or
    /// more than any node has.
    pub fn gpus(annotation: &str) -> Option<Vec<String>> {
        let mut gpus: Vec<String> = Vec::new();
        for share in HamiShare::parse(annotation)? {
            if share.uuid.starts_with("GPU-") && !gpus.iter().any(|known| known == share.uuid) {
                if gpus.len() == GPUS_MAX {
                    return None;
                }
                gpus.push(share.uuid.to_owned());
            }
        }
        (!gpus.is_empty()).then_some(gpus)
    }

    /// Whether the kubelet's id of a device is a slot of HAMi's plugin: a GPU's UUID with the number of the slot, such as
    /// `GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448-3`. No GPU has such a UUID. The GPU in it need not be the one that is used.
    pub fn is_slot(id: &str) -> bool {
        let is_hex = |part: &str| part.bytes().all(|letter| letter.is_ascii_hexdigit());
        let Some(mut parts) = id.strip_prefix("GPU-").map(|rest| rest.split('-')) else {
            return false;
        };
        let lengths = [8, 4, 4, 4, 12];
        let is_uuid = lengths
            .into_iter()
            .all(|length| parts.next().is_some_and(|part| part.len() == length && is_hex(part)));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_digit());
        is_uuid && parts.next().is_some_and(is_number) && parts.next().is_none()
    }

    /// A GPU, its vendor, MiB of memory and hundredths of the GPU that may be used.
    fn one(share: &'a str) -> Option<Self> {
        let mut fields = share.split(',');
        let uuid = fields.next().filter(|uuid| !uuid.is_empty())?;
        let _vendor = fields.next()?;
        fields.next()?.parse::<u64>().ok()?;
        fields.next()?.parse::<u32>().ok()?;
        fields.next().is_none().then_some(Self { uuid })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const UUID: &str = "GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448";

    fn shares<'a>(uuids: &[&'a str]) -> Option<Vec<HamiShare<'a>>> {
        Some(uuids.iter().map(|uuid| HamiShare { uuid }).collect())
    }

    #[test]
    fn a_share_has_four_fields() {
        let annotation = format!("{UUID},NVIDIA,3000,0:;");

        assert_eq!(HamiShare::parse(&annotation), shares(&[UUID]));
    }

    #[test]
    fn empty_segments_are_containers_without_a_gpu() {
        let annotation = format!(";{UUID},NVIDIA,3000,0:GPU-1,NVIDIA,10,0:;");

        assert_eq!(HamiShare::parse(&annotation), shares(&[UUID, "GPU-1"]));
        assert_eq!(HamiShare::parse(""), shares(&[]));
        assert_eq!(HamiShare::parse(";;"), shares(&[]));
    }

    #[test]
    fn gpus_are_told_once_and_other_vendors_are_not() {
        let gpus = |annotation: &str| HamiShare::gpus(annotation);

        assert_eq!(
            gpus("GPU-1,NVIDIA,10,0:GPU-2,NVIDIA,10,0:;GPU-1,NVIDIA,10,0:;").unwrap(),
            ["GPU-1", "GPU-2"]
        );
        assert_eq!(gpus("Ascend910-0,Ascend910,10,0:;"), None);
        assert_eq!(gpus(";;"), None);
        assert_eq!(gpus("GPU-1"), None);
    }

    #[test]
    fn an_annotation_with_more_gpus_than_any_node_has_says_nothing() {
        let annotation = |count: usize| {
            let shares = (0..count).map(|number| format!("GPU-{number},NVIDIA,10,0:"));
            shares.chain(["GPU-0,NVIDIA,10,0:".to_owned()]).collect::<String>()
        };

        assert_eq!(HamiShare::gpus(&annotation(GPUS_MAX)).unwrap().len(), GPUS_MAX);
        assert_eq!(HamiShare::gpus(&annotation(GPUS_MAX + 1)), None);
    }

    #[test]
    fn a_slot_is_a_uuid_with_a_number() {
        assert!(HamiShare::is_slot(&format!("{UUID}-0")));
        assert!(HamiShare::is_slot(&format!("{UUID}-19")));
        for other in ["", "-", "-x", "-1-2", "::3", "0"] {
            assert!(!HamiShare::is_slot(&format!("{UUID}{other}")), "{other}");
        }
        for other in ["", "GPU-7-3", "MIG-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448-1", "nvidia0"] {
            assert!(!HamiShare::is_slot(other), "{other}");
        }
    }

    #[test]
    fn an_annotation_that_is_broken_anywhere_says_nothing() {
        for broken in [
            "GPU-1",
            "GPU-1,NVIDIA,3000",
            "GPU-1,NVIDIA,many,0:;",
            "GPU-1,NVIDIA,3000,0,1:;",
            ",NVIDIA,3000,0:;",
            "GPU-1,NVIDIA,3000,0:;x",
        ] {
            assert_eq!(HamiShare::parse(broken), None, "{broken}");
        }
    }
}
