//! No secret is shown, wherever it stands and whatever is wrong around it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod stand;

use config::{Diagnostics, Format, Mode, print};
use stand::{World, check};

/// Everything that `validate` and `print-config` would say of `c.yaml` in this world.
fn said(world: &World, sets: &[&str]) -> (String, Vec<String>) {
    let (diagnostics, printed): (Diagnostics, Vec<String>) = match world.load(&["c.yaml"], sets) {
        Err(diagnostics) => (diagnostics, Vec::new()),
        Ok(document) => {
            let (_, diagnostics) = check(&document);
            let forms = [Format::Yaml, Format::Json];
            (
                diagnostics,
                forms.map(|form| print(&document, Mode::Redacted, form)).into(),
            )
        }
    };
    let plain = diagnostics.render(false);
    let all = [diagnostics.render(true), diagnostics.json_lines()];
    (plain.clone(), all.into_iter().chain(printed).chain([plain]).collect())
}

fn of(text: &str) -> (String, Vec<String>) {
    said(&World::default().file("c.yaml", text), &[])
}

#[test]
fn no_secret_is_shown_beside_what_is_wrong() {
    let mut leaks = Vec::new();
    for text in [
        // Misspelt, below blocks about credentials and elsewhere.
        "extensions: {basicauth: {client_auth: {pasword: hunter2, x: 1}}}",
        "extensions: {basicaut: {client_auth: {pw: hunter2, x: 1}}}",
        "extensions: {health_check: {tokn: hunter2}}",
        "extensions: {health_check: {tokens: [a, hunter2], x: 1}}",
        "exporters: {otlp_http: {hedders: {x-scope: hunter2}}}",
        "exporters: {otlp_http: {auth: hunter2}}",
        "exporters: {otlp_http: {authorisation: {credential: hunter2}}}",
        "exporters: {otlp_http: {endpont: 'Bearer hunter2'}}",
        // Lines of one secret.
        "extensions:\n  health_check:\n    htpasswd: |\n      acme:hunter2\n\n      beta:hunter2\n    x: 1\n",
        "extensions:\n  health_check:\n    keypem: |\n      -----BEGIN PRIVATE KEY-----\n      hunter2\n    x: 1\n",
        // Given twice, of the wrong kind, with a tag.
        "extensions:\n  basicauth:\n    password: hunter2\n    password: hunter2\n",
        "exporters: {otlp_http: {headers: {authorization: [hunter2], x: {a: hunter2}}}}",
        "extensions: {health_check: {password: !foo hunter2}}",
        "extensions: {health_check: {password: !hunter2 foo}}",
        "receivers: {otlp: {protocols: {http: {response_headers: {x-key: [hunter2, hunter2]}}}}}",
        "receivers: {otlp: {protocols: {http: {response_headers: {x-key: {name: a, value: hunter2}}}}}}",
        "exporters: {otlp_http: {header: 'authorization: Bearer hunter2'}}",
        "exporters: {otlp_http: {header: {x-scope: hunter2}}}",
        "exporters: {otlp_http: {header: [{name: x, value: hunter2}]}}",
        "exporters: {otlp_http: {extra_headers: {x-scope: hunter2}}}",
        "exporters: {otlp_http: {x-scope: hunter2}}",
        "exporters: {otlp_http: {jwt: hunter2, dsn: hunter2, license_key: hunter2, connection_string: hunter2}}",
        "exporters: {otlp_http: {endpoint: 'http://host/#access_token=hunter2', x: 1}}",
        "exporters:\n  otlp_http:\n    proxy_url: @hunter2\n",
        // In addresses.
        "exporters: {otlp_http: {endpoint: 'http://acme:hunter2@host', x: 1}}",
        "exporters: {otlp_http: {endpoint: 'http://host?token=hunter2', x: 1}}",
        "exporters: {otlp_http: {timeout: 'acme:hunter2@host:4317'}}",
        "receivers: {otlp: {protocols: {grpc: {keepalive: {server_parameters: {time: 'http://a:hunter2@h'}}}}}}",
        "exporters: {otlp_http: {endpoint: 'http://acme:h,unter2@host', x: 1}}",
        "exporters:\n  otlp_http:\n    timeout: http://acme:h,unter2@host\n",
        "exporters:\n  otlp_http:\n    timeout: http://acme:h'unter2@host\n",
        "exporters:\n  otlp_http:\n    timeout: acme:h,unter2@host:4317\n",
        "exporters: {otlp_http: {endpoint: 'https://acme:12#hunter2@host', x: 1}}",
        "exporters: {otlp_http: {endpoint: 'https://acme:12/hunter2@host', x: 1}}",
        "exporters: {otlp_http: {endpoint: 'http://host?token=h,unter2', x: 1}}",
        // In texts that are no YAML.
        "extensions: {basicauth: {client_auth: {password: hunter2: x}}}",
        "extensions:\n  basicauth:\n    client_auth:\n      pw: hunter2: x\n",
        "extensions:\n  basicauth:\n    tokens:\n      - hunter2: x: y\n",
        "token: hunter2",
        "- token: hunter2",
        "password: *hunter2\nx: y: z",
        "password: {hunter2 x: y: z",
        "password: |hunter2\nx: y: z",
        "password: >hunter2\nx: y: z",
        "password: &x hunter2: x: y",
        "headers: &hunter2 x: y: z",
        "basicauth:\n  pw: {hunter2: x: y",
        // In comments of a file that is YAML.
        "extensions:\n  health_check:\n    x: 1\n    # password: hunter2\n    x: 2\n",
        "extensions: {health_check: {x: 1}} # token: hunter2\n",
        "extensions:\n  health_check:\n    x: 1 #token=hunter2\n",
        // As defaults of variables.
        "extensions: {health_check: {password: '${env:UNSET:-hunter2}', x: 1}}",
        "extensions: {health_check: {password: '${UNSET:-hunter2}'}}",
        "extensions: {health_check: {password: '${PASS:-hunter2}'}}",
        "extensions: {health_check: {password: 'x ${1} hunter2'}}",
        // As references that name neither a variable nor a file.
        "extensions: {health_check: {password: '${yaml:hunter2}'}}",
        "extensions: {health_check: {password: '${foo:hunter2}'}}",
        "extensions: {health_check: {password: '${foo:-hunter2}'}}",
        "extensions: {health_check: {password: '${hunter2:foo}'}}",
        "extensions: {health_check: {password: '${env:hunter2!}'}}",
        "extensions: {health_check: {password: 'x${foo:hunter2}'}}",
        "extensions: {health_check: {password: '${foo:\\hunter2}'}}",
    ] {
        let (plain, all) = of(text);

        assert!(!plain.is_empty(), "nothing is wrong with {text}");
        let leak = all
            .iter()
            .find(|shown| shown.contains("unter2") || shown.contains("PRIVATE"));
        leaks.extend(leak.map(|shown| format!("{text}\n{shown}")));
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

#[test]
fn no_secret_of_a_variable_or_a_file_is_shown() {
    let world = World::default()
        .var("PASSWORD", "hunter2")
        .var("NUMBER", "4711")
        .var("BLOCK", "{pasword: hunter2, x: 1}")
        .file("password", "hunter2")
        .file("number", "4711")
        .file("block.yaml", "pasword: hunter2\nx: 1\n");
    for value in [
        "{password: '${env:PASSWORD}', x: 1}",
        "{password: '${file:password}', x: 1}",
        "{password: '${env:NUMBER}', x: 1}",
        "{password: '${file:number}', x: 1}",
        "'${env:BLOCK}'",
        "'${file:block.yaml}'",
    ] {
        let text = format!(
            "extensions: {{basicauth: {value}, health_check: {value}}}\nexporters: {{otlp_http: {{headers: {value}}}}}"
        );
        let world = World {
            vars: world.vars.clone(),
            files: world.files.clone(),
        };
        let (plain, all) = said(&world.file("c.yaml", &text), &[]);

        assert!(!plain.is_empty(), "nothing is wrong with {text}");
        for shown in all {
            assert!(!shown.contains("hunter2") && !shown.contains("4711"), "{text}\n{shown}");
        }
    }
}

#[test]
fn no_secret_of_the_command_line_is_shown() {
    let world = World::default().file("c.yaml", "extensions: {basicauth: {}}\n");
    for set in [
        "extensions.basicauth.client_auth.pasword=hunter2",
        "extensions.basicauth.password='hunter2",
        "extensions.basicauth.password:hunter2",
    ] {
        let (plain, all) = said(&world, &[set]);

        assert!(!plain.is_empty(), "nothing is wrong with {set}");
        for shown in all {
            assert!(!shown.contains("hunter2"), "{set}\n{shown}");
        }
    }
    let inline = [
        "yaml:extensions::basicauth::password: hunter2",
        "yaml:password: [hunter2",
    ];
    for location in inline {
        let diagnostics = match world.load(&[location], &[]) {
            Err(diagnostics) => diagnostics,
            Ok(document) => check(&document).1,
        };
        let (text, lines) = (diagnostics.render(false), diagnostics.json_lines());
        assert!(!text.is_empty() && !text.contains("hunter2"), "{text}");
        assert!(!lines.contains("hunter2"), "{lines}");
    }
}

#[test]
fn the_mask_does_not_tell_the_length_and_carets_and_columns_stay_right() {
    for secret in ["x", "hunter2", "gehëim-gehëim-gehëim-gehëim"] {
        let text = format!("exporters: {{otlp_http: {{headers: {{a: {secret}}}, endpont: a}}}}\n");
        let (plain, _) = of(&text);
        let column = text.chars().count() - "endpont: a}}\n".len() + 1;

        let expected = format!(
            "error: exporters::otlp_http: unknown key \"endpont\"\n --> c.yaml:1:{column}\n  |\n\
             1 | exporters: {{otlp_http: {{headers: {{a: ********}}, endpont: a}}}}\n  \
             |                                                 ^^^^^^^\n"
        );
        assert!(plain.contains(&expected), "{plain}\n{expected}");
    }
}

#[test]
fn print_config_shows_no_password_with_a_comma() {
    let text = "exporters: {otlp_http: {endpoint: 'http://acme:h,unter2@host', traces_endpoint: 'https://a:12#hunter2@host'}}\n\
                service: {pipelines: {}}\n";
    let document = World::default().file("c.yaml", text).load(&["c.yaml"], &[]).unwrap();
    check(&document);
    for form in [Format::Yaml, Format::Json] {
        let printed = print(&document, Mode::Redacted, form);
        assert!(printed.contains("http://********@host"), "{printed}");
        assert!(!printed.contains("unter2"), "{printed}");
    }
}

#[test]
fn a_list_that_its_type_reads_as_plain_texts_is_shown_below_headers_too() {
    let (plain, _) = of("processors: {resource: {headers: [good, 'bad name'], unknown: 1}}\n");

    assert!(plain.contains("\"bad name\" is no name"), "{plain}");
    assert!(plain.contains("headers: [good, 'bad name']"), "{plain}");

    // What is a secret elsewhere stays one, with an anchor and with letters that are written otherwise than they are meant.
    for secret in ["'a hunter2'", "'a h''unter2'", "\"a h\\\"unter2\""] {
        let text = format!(
            "exporters: {{otlp_http: {{headers: {{a: &a {secret}}}}}}}\nprocessors: {{resource: {{headers: [*a]}}}}\n"
        );
        let (plain, _) = of(&text);
        assert!(plain.contains("is no name") && !plain.contains("unter2"), "{plain}");
    }
    let (plain, _) = of("processors: {resource: {headers: ['Bearer hunter2', 'bad name']}}\n");
    assert!(plain.contains("is no name") && !plain.contains("hunter2"), "{plain}");
}

#[test]
fn what_is_no_secret_is_shown() {
    let (plain, all) =
        of("exporters: {otlp_http: {endpont: 'http://host:4318', tls: {key_fle: /etc/key.pem}, max_tokens: 5}}\n");

    assert!(plain.contains("endpont: 'http://host:4318'"), "{plain}");
    assert!(
        plain.contains("key_fle: /etc/key.pem") && plain.contains("max_tokens: 5"),
        "{plain}"
    );
    assert!(all.iter().all(|shown| !shown.contains("***")), "{all:?}");
    let (plain, _) = said(
        &World::default().file(
            "c.yaml",
            "extensions: {health_check: {password: '${env:MISSING}', x: 1}}",
        ),
        &[],
    );
    assert!(plain.contains("password: '${env:MISSING}'"), "{plain}");
}
