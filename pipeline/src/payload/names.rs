//! Keys of attributes, spelled once.
//!
//! `gen_ai.*` belongs to OpenTelemetry and to the engines, `inferscope.*` is ours.

/// Seconds from the front end's arrival stamp to the first output; an engine's own measurement.
pub const GEN_AI_LATENCY_TIME_TO_FIRST_TOKEN: &str = "gen_ai.latency.time_to_first_token";
/// Seconds from arrival to the last output.
pub const GEN_AI_LATENCY_E2E: &str = "gen_ai.latency.e2e";
/// Seconds from queued to first scheduled.
pub const GEN_AI_LATENCY_TIME_IN_QUEUE: &str = "gen_ai.latency.time_in_queue";
/// Seconds from first scheduled to first token. SGLang counts its queue in.
pub const GEN_AI_LATENCY_TIME_IN_MODEL_PREFILL: &str = "gen_ai.latency.time_in_model_prefill";
/// Seconds from first to last token.
pub const GEN_AI_LATENCY_TIME_IN_MODEL_DECODE: &str = "gen_ai.latency.time_in_model_decode";
/// Seconds of prefill and decode together.
pub const GEN_AI_LATENCY_TIME_IN_MODEL_INFERENCE: &str = "gen_ai.latency.time_in_model_inference";

/// Tokens of the prompt.
pub const GEN_AI_USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Tokens of the answer.
pub const GEN_AI_USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Former name of the input tokens; vLLM and SGLang send it.
pub const GEN_AI_USAGE_PROMPT_TOKENS: &str = "gen_ai.usage.prompt_tokens";
/// Former name of the output tokens; vLLM and SGLang send it.
pub const GEN_AI_USAGE_COMPLETION_TOKENS: &str = "gen_ai.usage.completion_tokens";
/// Prompt tokens taken from a cache.
pub const GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
/// The same as OpenLLMetry writes it.
pub const GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS_OLD: &str = "gen_ai.usage.cache_read_input_tokens";
/// The same as OpenInference writes it.
pub const LLM_TOKEN_COUNT_PROMPT_CACHE_READ: &str = "llm.token_count.prompt_details.cache_read";
/// SGLang's name for them.
pub const GEN_AI_USAGE_CACHED_TOKENS: &str = "gen_ai.usage.cached_tokens";
/// OpenInference's name for the input tokens.
pub const LLM_TOKEN_COUNT_PROMPT: &str = "llm.token_count.prompt";
/// OpenInference's name for the output tokens.
pub const LLM_TOKEN_COUNT_COMPLETION: &str = "llm.token_count.completion";
/// Another former name of the input tokens.
pub const LLM_USAGE_PROMPT_TOKENS: &str = "llm.usage.prompt_tokens";
/// Its counterpart for the output tokens.
pub const LLM_USAGE_COMPLETION_TOKENS: &str = "llm.usage.completion_tokens";
/// Tokens of the answer that the model thought with; the output tokens contain them.
pub const GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
/// Their former name.
pub const GEN_AI_USAGE_REASONING_TOKENS: &str = "gen_ai.usage.reasoning_tokens";
/// The same as OpenLLMetry writes it.
pub const LLM_USAGE_REASONING_TOKENS: &str = "llm.usage.reasoning_tokens";
/// The same as OpenInference writes it.
pub const LLM_TOKEN_COUNT_COMPLETION_REASONING: &str = "llm.token_count.completion_details.reasoning";
/// What the provider asks for the request, as OpenLIT writes it.
pub const GEN_AI_USAGE_COST: &str = "gen_ai.usage.cost";
/// The same as OpenInference writes it.
pub const LLM_COST_TOTAL: &str = "llm.cost.total";
/// The price that a client was told or has worked out from a provider's list. It is no cost of GPUs and enters none.
pub const INFERSCOPE_COST_GIVEN: &str = "inferscope.cost.given";

/// The engine's request id; in vLLM made from a client's header.
pub const GEN_AI_REQUEST_ID: &str = "gen_ai.request.id";
/// The model that was asked for.
pub const GEN_AI_REQUEST_MODEL: &str = "gen_ai.request.model";
/// Most tokens that the answer may have.
pub const GEN_AI_REQUEST_MAX_TOKENS: &str = "gen_ai.request.max_tokens";
/// Number of answers to one prompt.
pub const GEN_AI_REQUEST_N: &str = "gen_ai.request.n";
/// The model that answered.
pub const GEN_AI_RESPONSE_MODEL: &str = "gen_ai.response.model";
/// The id of the answer.
pub const GEN_AI_RESPONSE_ID: &str = "gen_ai.response.id";
/// What several requests belong to.
pub const GEN_AI_CONVERSATION_ID: &str = "gen_ai.conversation.id";
/// The session of a user; on spans of LLMs the conversation.
pub const SESSION_ID: &str = "session.id";
/// Who used the application. Never a label.
pub const ENDUSER_ID: &str = "enduser.id";
/// A user; on spans of LLMs the one who used the application.
pub const USER_ID: &str = "user.id";
/// The user that was named to the model's API.
pub const GEN_AI_USER: &str = "gen_ai.user";
/// The same as OpenLLMetry writes it.
pub const LLM_USER: &str = "llm.user";
/// Why the answer ended, per choice. SGLang sends JSON in a text.
pub const GEN_AI_RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";

/// Its former name, of one choice.
pub const GEN_AI_RESPONSE_FINISH_REASON: &str = "gen_ai.response.finish_reason";
/// Why the answer ended, as OpenLLMetry says it.
pub const LLM_FINISH_REASON: &str = "llm.finish_reason";
/// The same in its responses.
pub const LLM_RESPONSE_FINISH_REASON: &str = "llm.response.finish_reason";
/// The same of providers that call it so.
pub const LLM_RESPONSE_STOP_REASON: &str = "llm.response.stop_reason";
/// OpenLLMetry's name for the model that was asked for.
pub const LLM_REQUEST_MODEL_NAME: &str = "llm.request.model_name";
/// Its former name there.
pub const LLM_REQUEST_MODEL: &str = "llm.request.model";
/// OpenInference's name for it.
pub const LLM_MODEL_NAME: &str = "llm.model_name";
/// OpenLLMetry's name for the model that answered.
pub const LLM_RESPONSE_MODEL_NAME: &str = "llm.response.model_name";
/// Its former name there.
pub const LLM_RESPONSE_MODEL: &str = "llm.response.model";
/// Who provides the model.
pub const GEN_AI_PROVIDER_NAME: &str = "gen_ai.provider.name";
/// Its former name.
pub const GEN_AI_SYSTEM: &str = "gen_ai.system";
/// OpenInference's name for it.
pub const LLM_PROVIDER: &str = "llm.provider";
/// OpenInference's name for the vendor of the model.
pub const LLM_SYSTEM: &str = "llm.system";
/// What was asked for: `chat`, `text_completion`, `embeddings`.
pub const GEN_AI_OPERATION_NAME: &str = "gen_ai.operation.name";
/// OpenInference's kind of a span: `LLM`, `EMBEDDING`, `TOOL`, `AGENT`.
pub const OPENINFERENCE_SPAN_KIND: &str = "openinference.span.kind";
/// OpenLLMetry's kind of a span.
pub const TRACELOOP_SPAN_KIND: &str = "traceloop.span.kind";
/// OpenLLMetry's name for what was asked for.
pub const LLM_REQUEST_TYPE: &str = "llm.request.type";
/// Whether the answer is streamed.
pub const GEN_AI_REQUEST_STREAM: &str = "gen_ai.request.stream";
/// Its former name.
pub const GEN_AI_IS_STREAMING: &str = "gen_ai.is_streaming";
/// OpenLLMetry's name for it.
pub const LLM_IS_STREAMING: &str = "llm.is_streaming";
/// OpenLIT's name for the time to the first token.
pub const GEN_AI_SERVER_TTFT: &str = "gen_ai.server.ttft";
/// Seconds until the first token: a metric of the semantic conventions, and an attribute in OpenLIT.
pub const GEN_AI_SERVER_TIME_TO_FIRST_TOKEN: &str = "gen_ai.server.time_to_first_token";
/// Milliseconds until the first token, as llm-d's proxy sees it.
pub const LLM_D_PD_PROXY_TRUE_TTFT_MS: &str = "llm_d.pd_proxy.true_ttft_ms";
/// A metric: seconds per token after the first.
pub const GEN_AI_SERVER_TIME_PER_OUTPUT_TOKEN: &str = "gen_ai.server.time_per_output_token";
/// A metric: seconds that a request took.
pub const GEN_AI_SERVER_REQUEST_DURATION: &str = "gen_ai.server.request.duration";
/// On metrics of tokens: `input` or `output`.
pub const GEN_AI_TOKEN_TYPE: &str = "gen_ai.token.type";
/// Why something failed, in a word.
pub const ERROR_TYPE: &str = "error.type";

/// The phase that a span shows.
pub const INFERSCOPE_PHASE: &str = "inferscope.phase";
/// How far to trust the length of a phase: `measured`, `inferred` or `upper_bound`.
pub const INFERSCOPE_PHASE_SOURCE: &str = "inferscope.phase.source";
/// Stages of an attempt that the engine took back.
pub const INFERSCOPE_PHASE_RETRACTED: &str = "inferscope.phase.retracted";
/// Seconds of a phase in which the engine did something for others.
pub const INFERSCOPE_PHASE_STALL: &str = "inferscope.phase.stall";
/// Spans per step that were folded into the span of their phase.
pub const INFERSCOPE_STEPS_COUNT: &str = "inferscope.steps.count";
/// Seconds of the shortest of them.
pub const INFERSCOPE_STEPS_DURATION_MIN: &str = "inferscope.steps.duration.min";
/// Seconds of the longest of them.
pub const INFERSCOPE_STEPS_DURATION_MAX: &str = "inferscope.steps.duration.max";
/// Seconds that 99 of 100 of them do not exceed.
pub const INFERSCOPE_STEPS_DURATION_P99: &str = "inferscope.steps.duration.p99";
/// `ok`, `partial`, `insufficient`, `inconsistent` or `skipped`.
pub const INFERSCOPE_DECOMPOSE_STATUS: &str = "inferscope.decompose.status";
/// Seconds of a request that no phase explains.
pub const INFERSCOPE_DECOMPOSE_RESIDUAL: &str = "inferscope.decompose.residual";
/// Nanoseconds by which the phases did not fit into the span.
pub const INFERSCOPE_DECOMPOSE_OVERRUN_NS: &str = "inferscope.decompose.overrun_ns";
/// How a request ended, where its span does not say so itself: `abort` or `error`.
pub const INFERSCOPE_REQUEST_OUTCOME: &str = "inferscope.request.outcome";
/// Difference of two hosts' clocks, where causality shows one.
pub const INFERSCOPE_CLOCK_SKEW_NS: &str = "inferscope.clock_skew_ns";

/// The device that a span ran on, where it is exactly one.
pub const HW_ID: &str = "hw.id";
/// The devices that a span ran on, sorted.
pub const INFERSCOPE_GPU_IDS: &str = "inferscope.gpu.ids";
/// Their product name.
pub const INFERSCOPE_GPU_MODEL: &str = "inferscope.gpu.model";
/// Share of time in which a kernel ran, 0 to 1.
pub const INFERSCOPE_GPU_UTILIZATION_MEAN: &str = "inferscope.gpu.utilization.mean";
/// The highest such share of a sample.
pub const INFERSCOPE_GPU_UTILIZATION_MAX: &str = "inferscope.gpu.utilization.max";
/// The most device memory that was in use, in bytes.
pub const INFERSCOPE_GPU_MEMORY_USED_MAX: &str = "inferscope.gpu.memory.used.max";
/// The highest temperature, in degrees Celsius.
pub const INFERSCOPE_GPU_TEMPERATURE_MAX: &str = "inferscope.gpu.temperature.max";
/// What has led to the devices: `resource`, `pod`, `peer`, `process`, `single_gpu_node`.
pub const INFERSCOPE_GPU_SOURCE: &str = "inferscope.gpu.source";
/// Mean power in watts.
pub const INFERSCOPE_GPU_POWER_MEAN: &str = "inferscope.gpu.power.mean";
/// `device` where power and energy are of more than the span's own part of a device.
pub const INFERSCOPE_GPU_POWER_SCOPE: &str = "inferscope.gpu.power.scope";
/// Mean clock of the multiprocessors in hertz.
pub const INFERSCOPE_GPU_CLOCK_SM_MEAN: &str = "inferscope.gpu.clock.sm.mean";
/// Counted seconds in which clocks were held down.
pub const INFERSCOPE_GPU_THROTTLE_TIME: &str = "inferscope.gpu.throttle.time";
/// Why they were.
pub const INFERSCOPE_GPU_THROTTLE_REASONS: &str = "inferscope.gpu.throttle.reasons";
/// Joules that the devices used meanwhile.
pub const INFERSCOPE_GPU_ENERGY_DEVICE: &str = "inferscope.gpu.energy.device";
/// The request's own share of them.
pub const INFERSCOPE_GPU_ENERGY_ATTRIBUTED: &str = "inferscope.gpu.energy.attributed";
/// Samples in the window.
pub const INFERSCOPE_GPU_SAMPLES: &str = "inferscope.gpu.samples";
/// Part of the window that samples speak for, 0 to 1.
pub const INFERSCOPE_GPU_COVERAGE: &str = "inferscope.gpu.coverage";

/// A metric: seconds that requests spent in a phase.
pub const INFERSCOPE_REQUEST_PHASE_DURATION: &str = "inferscope.request.phase.duration";
/// A metric: tokens in and out.
pub const INFERSCOPE_REQUEST_TOKENS: &str = "inferscope.request.tokens";
/// A metric: requests by outcome.
pub const INFERSCOPE_REQUESTS: &str = "inferscope.requests";
/// A metric: answers by whether they met an objective.
pub const INFERSCOPE_REQUEST_GOODPUT: &str = "inferscope.request.goodput";
/// On whose behalf something was done.
pub const TENANT_ID: &str = "tenant.id";
/// What said so: `connection`, `gateway`, `kubernetes`, `claim` or `unknown`.
pub const INFERSCOPE_TENANT_SOURCE: &str = "inferscope.tenant.source";
/// Whether anything but the sender's own word stands behind it.
pub const INFERSCOPE_TENANT_TRUSTED: &str = "inferscope.tenant.trusted";
/// Another tenant that was claimed, and lost against a better source.
pub const INFERSCOPE_TENANT_CLAIMED: &str = "inferscope.tenant.claimed";
/// Which limits a request is held to.
pub const INFERSCOPE_TENANT_CLASS: &str = "inferscope.tenant.class";

/// The service that sent a span.
pub const SERVICE_NAME: &str = "service.name";
/// What several services have in common.
pub const SERVICE_NAMESPACE: &str = "service.namespace";
/// Its instance.
pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
/// On metrics that this program counts: which process counted.
pub const COLLECTOR_INSTANCE_ID: &str = "collector.instance.id";
/// The container it runs in.
pub const CONTAINER_ID: &str = "container.id";
/// The cluster, by the uid of its namespace `kube-system`.
pub const K8S_CLUSTER_UID: &str = "k8s.cluster.uid";
/// The uid of its pod.
pub const K8S_POD_UID: &str = "k8s.pod.uid";
/// The name of its pod.
pub const K8S_POD_NAME: &str = "k8s.pod.name";
/// The namespace of its pod.
pub const K8S_NAMESPACE_NAME: &str = "k8s.namespace.name";
/// The address of its pod.
pub const K8S_POD_IP: &str = "k8s.pod.ip";
/// The host name of its pod.
pub const K8S_POD_HOSTNAME: &str = "k8s.pod.hostname";
/// When its pod was started, RFC 3339.
pub const K8S_POD_START_TIME: &str = "k8s.pod.start_time";
/// The name of its node.
pub const K8S_NODE_NAME: &str = "k8s.node.name";
/// The uid of its node.
pub const K8S_NODE_UID: &str = "k8s.node.uid";
/// The Deployment that its pod belongs to.
pub const K8S_DEPLOYMENT_NAME: &str = "k8s.deployment.name";
/// The ReplicaSet that its pod belongs to.
pub const K8S_REPLICASET_NAME: &str = "k8s.replicaset.name";
/// The uid of that.
pub const K8S_REPLICASET_UID: &str = "k8s.replicaset.uid";
/// The StatefulSet that its pod belongs to.
pub const K8S_STATEFULSET_NAME: &str = "k8s.statefulset.name";
/// The uid of that.
pub const K8S_STATEFULSET_UID: &str = "k8s.statefulset.uid";
/// The DaemonSet that its pod belongs to.
pub const K8S_DAEMONSET_NAME: &str = "k8s.daemonset.name";
/// The uid of that.
pub const K8S_DAEMONSET_UID: &str = "k8s.daemonset.uid";
/// The Job that its pod belongs to.
pub const K8S_JOB_NAME: &str = "k8s.job.name";
/// The uid of that.
pub const K8S_JOB_UID: &str = "k8s.job.uid";
/// The CronJob that made the Job.
pub const K8S_CRONJOB_NAME: &str = "k8s.cronjob.name";
/// The container's name in its pod.
pub const K8S_CONTAINER_NAME: &str = "k8s.container.name";
/// The image that it was made of.
pub const CONTAINER_IMAGE_NAME: &str = "container.image.name";
/// The tag of that.
pub const CONTAINER_IMAGE_TAG: &str = "container.image.tag";
/// The number of the process, as it knows itself.
pub const PROCESS_PID: &str = "process.pid";
/// The same as vLLM writes it, as a text.
pub const VLLM_PROCESS_ID: &str = "vllm.process_id";
/// The name of the host.
pub const HOST_NAME: &str = "host.name";
/// What stays the same when the host gets another name.
pub const HOST_ID: &str = "host.id";
/// The architecture of its processor.
pub const HOST_ARCH: &str = "host.arch";
/// The operating system.
pub const OS_TYPE: &str = "os.type";
/// The label of a pod that names its model, where llm-d has set it.
pub const K8S_POD_LABEL_LLM_D_MODEL: &str = "k8s.pod.label.llm-d.ai/model";
/// The host that something listens on.
pub const SERVER_ADDRESS: &str = "server.address";
/// The port that something listens on.
pub const SERVER_PORT: &str = "server.port";
/// `http` or `https`.
pub const URL_SCHEME: &str = "url.scheme";
/// In a metric's metadata: its type in Prometheus.
pub const PROMETHEUS_TYPE: &str = "prometheus.type";

/// On the span of a model in Triton and nowhere else.
pub const TRITON_MODEL_NAME: &str = "triton.model_name";
/// What joins the prefill and the decode half of a request in SGLang.
pub const SGLANG_BOOTSTRAP_ROOM: &str = "bootstrap_room";
/// On the span of a request in TGI's router: how long it took, in words.
pub const TGI_TOTAL_TIME: &str = "total_time";

/// The module of vLLM that set up tracing in a process: `vllm.llm_engine` for the server, and others.
pub const VLLM_INSTRUMENTING_MODULE_NAME: &str = "vllm.instrumenting_module_name";
