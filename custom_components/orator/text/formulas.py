r"""Read formulas in LaTeX: \(x^2\), \[…\], $x$, $$…$$. Prices such as $5 are no formulas."""

# ruff: noqa: RUF001 mathematical signs look like letters

import re
from typing import Final

from .lookahead import MAX_PROSE_CHARS, IncompleteInputError, Window

MAX_FORMULA_CHARS: Final = 300
_ENDS: Final = {r"\(": r"\)", r"\[": r"\]", "$$": "$$"}

_WORD_COMMANDS: Final = r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|mathsf|operatorname|mbox)\*?"
_BRACES: Final = r"(?:\{[^{}$\n]{0,80}\}|(?=\{[^{}$\n]{0,80}\{)|(?!\{))"
_FORMULA_TOKEN: Final = (
    rf"(?>\\[A-Za-z]++{_BRACES}|[_^]{_BRACES}|\\[^\sA-Za-z]|(?<![A-Za-z])[A-Za-z]{{1,2}}(?![A-Za-z])"
    r"|[\d.,:;!'/|<>()\[\]{}=+*&~-]|[^\x00-\x7f]|[ \t]|\n(?![ \t]*\n))"
)
"""A part of a formula between dollar signs. Words outside braces end a formula, so most prices are recognized early."""
_FORMULA_IN_DOLLARS: Final = re.compile(rf"\$(?![\s$])(?P<formula>{_FORMULA_TOKEN}{{1,200}}?)(?<![\s\\])\$(?![\w$])")
_UNFINISHED_FORMULA: Final = re.compile(
    rf"\$(?![\s$]){_FORMULA_TOKEN}{{0,200}}+(?:(?:\\[A-Za-z]+|[_^])\{{[^{{}}$\n]{{0,80}}|\\|[A-Za-z]{{1,2}}|(?<!\s)\$)?\Z"
)
_HAS_MATHEMATICS: Final = re.compile(r"[\\^_=+<>{}|]|[A-Za-z]\(|\A[A-Za-z](?:'|,? ?[A-Za-z])?\Z|\A-?[\d.,]*[A-Za-z]\Z")
_DOLLAR_PRICE: Final = re.compile(r"\$\d+(?:[.,]\d+)*+(?:[.,;:!?)](?!\d|\Z)|[ \n]+[^\s\\=+*/<>^\d$-])")
_MATHEMATICAL: Final = re.compile(r"[\\^_=]")


def read_formula(window: Window) -> tuple[str, int] | None:
    """Return the words of a formula at its opening delimiter, and its length; None if there is no formula.

    Raises IncompleteInputError if following text decides.
    """
    text = window.text
    if len(text) < 2 and not window.is_final:
        raise IncompleteInputError
    delimiter = _ENDS.get(text[:2])
    if delimiter:
        end = text.find(delimiter, 2, MAX_FORMULA_CHARS)
        is_prose = len(text) >= MAX_PROSE_CHARS and not _MATHEMATICAL.search(text, 2, MAX_PROSE_CHARS)
        if is_prose and not 0 < end <= MAX_PROSE_CHARS:
            return None
        if end < 0 and not window.is_final:
            raise IncompleteInputError
        return (speak_formula(text[2:end]), end + 2) if end > 2 else None
    if text[0] != "$" or _DOLLAR_PRICE.match(text):
        return None
    match = _FORMULA_IN_DOLLARS.match(text)
    if match and (match.end() < len(text) or window.is_final):
        formula = match["formula"]
        return (speak_formula(formula), match.end()) if _HAS_MATHEMATICS.search(formula) else None
    if not window.is_final and _UNFINISHED_FORMULA.match(text):
        raise IncompleteInputError
    return None


_SYMBOLS_TEXT: Final = """
    times=× cdot=· div=÷ pm=± mp=∓ ast=* star=* le=≤ leq=≤ leqslant=≤ ge=≥ geq=≥ geqslant=≥ ne=≠ neq=≠ approx=≈
    sim=∼ simeq=≃ equiv=≡ cong=≅ propto=∝ ll=≪ gg=≫ lt=< gt=> infty=∞ partial=∂ nabla=∇ int=∫ iint=∬ oint=∮ sum=∑
    prod=∏ sqrt=√ to=→ rightarrow=→ Rightarrow=⇒ implies=⇒ leftarrow=← Leftarrow=⇐ leftrightarrow=↔ iff=⇔
    Leftrightarrow=⇔ mapsto=↦ in=∈ notin=∉ ni=∋ subset=⊂ subseteq=⊆ supset=⊃ supseteq=⊇ cup=∪ cap=∩ emptyset=∅
    varnothing=∅ setminus=∖ forall=∀ exists=∃ neg=¬ lnot=¬ land=∧ wedge=∧ lor=∨ vee=∨ oplus=⊕ otimes=⊗ circ=°
    degree=° angle=∠ perp=⊥ parallel=∥ mid=| vert=| dots=… ldots=… cdots=… vdots=… prime=′ hbar=ℏ ell=ℓ Re=ℜ Im=ℑ
    alpha=α beta=β gamma=γ delta=δ epsilon=ε varepsilon=ε zeta=ζ eta=η theta=θ vartheta=ϑ iota=ι kappa=κ lambda=λ
    mu=μ nu=ν xi=ξ pi=π varpi=ϖ rho=ρ varrho=ϱ sigma=σ varsigma=ς tau=τ upsilon=υ phi=φ varphi=φ chi=χ psi=ψ omega=ω
    Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Xi=Ξ Pi=Π Sigma=Σ Upsilon=Υ Phi=Φ Psi=Ψ Omega=Ω
"""
_FORMULA_SYMBOLS: Final = {name: symbol for name, _, symbol in (pair.partition("=") for pair in _SYMBOLS_TEXT.split())}
"""Characters to speak for the commands of LaTeX."""
_UNSPOKEN_TEXT: Final = """
    left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle limits nolimits quad qquad hline
"""
_UNSPOKEN_COMMANDS: Final = frozenset(_UNSPOKEN_TEXT.split())
_SUPERSCRIPTS: Final = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_SUBSCRIPTS: Final = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_FORMULA_GROUP: Final = r"(?:\{([^{}]*)\}|(\\[A-Za-z]+|[^\s{}\\]))"
_INNERMOST: Final = r"\{([^{}]*)\}"
_ENVIRONMENT: Final = re.compile(r"\\(?:begin|end)\{[^{}]*\}(?:\{[lcr| ]*\})?")
_FRACTION: Final = re.compile(rf"\\[dtc]?frac\s*{_INNERMOST}\s*{_INNERMOST}")
_SHORT_FRACTION: Final = re.compile(r"\\[dtc]?frac\s*([0-9A-Za-z])\s*([0-9A-Za-z])")
_LATEX_ROOT: Final = re.compile(rf"\\sqrt\s*(?:\[([^\[\]]*)\])?\s*{_INNERMOST}")
_DECORATED: Final = r"\\(?:boxed|overline|underline|hat|bar|vec|tilde|dot|mathbb|mathcal)"
_FORMULA_TEXT: Final = re.compile(rf"(?:{_WORD_COMMANDS}|{_DECORATED})\s*{_INNERMOST}")
_SUPERSCRIPT: Final = re.compile(rf"\^\s*{_FORMULA_GROUP}")
_SUBSCRIPT: Final = re.compile(rf"_\s*{_FORMULA_GROUP}")
_LATEX_COMMAND: Final = re.compile(r"\\([A-Za-z]+)\*? ?")
_ESCAPED_SIGN: Final = re.compile(r"\\([%$#&_{}])")
_SPACING: Final = re.compile(r"\\[,;:!> ]|[~&]")
_NEEDLESS_SPACE: Final = re.compile(r"(?<=[(\[]) | (?=[)\],.;:!?])|(?<=°) (?=[CF]\b)|(?<=[A-Za-z]) (?=[⁰¹²³⁴-⁹⁺⁻ⁿ])")
_COMPOUND: Final = re.compile(r"[-+*/=<>·×÷±\s]")


def speak_formula(formula: str) -> str:
    """Return the words of a formula: without backslashes, with signs for commands, powers and indices."""
    text = _ENVIRONMENT.sub(" ", formula).replace(r"\\", ", ")
    text = _ESCAPED_SIGN.sub(lambda match: match[1] if match[1] not in "{}_" else " ", text)
    for _ in range(8):  # from the innermost braces outwards
        before = text
        text = _FORMULA_TEXT.sub(r" \1 ", text)
        text = _SUPERSCRIPT.sub(_speak_power, text)
        text = _SUBSCRIPT.sub(_speak_index, text)
        text = _LATEX_ROOT.sub(lambda match: f"{(match[1] or '').translate(_SUPERSCRIPTS)}√{_enclose(match[2])}", text)
        text = _FRACTION.sub(lambda match: f"{_enclose(match[1])}/{_enclose(match[2])}", text)
        if text == before:
            break
    text = _SHORT_FRACTION.sub(r"\1/\2", text)
    text = _SPACING.sub(" ", _LATEX_COMMAND.sub(_speak_command, text))
    words = " ".join(re.sub(r"[\\{}]", "", text).split())
    return _NEEDLESS_SPACE.sub("", words).strip(" ,")


def _enclose(part: str) -> str:
    """Return a part of a formula, in parentheses if it has several terms."""
    part = part.strip()
    return f"({part})" if _COMPOUND.search(part) else part


def _speak_power(match: re.Match[str]) -> str:
    exponent = (match[1] if match[1] is not None else match[2]).strip()
    if exponent in (r"\circ", "°"):
        return "°"
    if exponent in (r"\prime", "'"):
        return "′"
    raised = exponent.translate(_SUPERSCRIPTS)
    is_raised = not any(character in exponent for character in raised)
    return raised if is_raised else f"^{_enclose(_LATEX_COMMAND.sub(_speak_command, exponent))}"


def _speak_index(match: re.Match[str]) -> str:
    index = (match[1] if match[1] is not None else match[2]).strip()
    lowered = index.translate(_SUBSCRIPTS)
    is_lowered = not any(character in index for character in lowered)
    return lowered if is_lowered else f" {index} "


def _speak_command(match: re.Match[str]) -> str:
    name = match[1]
    if name in _UNSPOKEN_COMMANDS:
        return ""
    symbol = _FORMULA_SYMBOLS.get(name)
    if symbol is None:
        return f" {name} "
    return f" {symbol} " if not symbol.isalpha() and symbol not in "°√" else f"{symbol} "
