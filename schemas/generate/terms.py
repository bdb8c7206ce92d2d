"""The sections of the settings file, in the units in which people write them: made from the models of the records."""

import ast
import inspect
from collections.abc import Mapping

from pydantic.fields import FieldInfo

from schemas.generate.declared import declarations, sentences
from schemas.models import config
from schemas.models.base import Record
from schemas.models.config import PoolSettings, StoreSettings
from schemas.models.human_units import HumanUnit, human_name, human_range, unit_of

SECTIONS: Mapping[str, type[Record]] = {"PoolTerms": PoolSettings, "StoreTerms": StoreSettings}
WRITTEN_OTHERWISE = ("store", "contribution", "opening", "closed_days", "first_day", "last_day")
"""Fields to which the settings file gives a form of its own."""
_HEAD = '"""The sections of the settings file. Made by `python -m schemas.generate`; change `config.py` beside it."""'

_CONFIG = '    model_config = ConfigDict(frozen=True, extra="forbid")'


def terms_module() -> str:
    """The text of `schemas/models/terms.py`."""
    classes = [_section(name, model) for name, model in SECTIONS.items()]
    body = "\n\n\n".join(classes)
    return "\n".join([_HEAD, "", *_imports(body), "", "", body, ""])


def _section(name: str, model: type[Record]) -> str:
    sources, said = declarations(model), sentences(model)
    lines = [
        f"class {name}(BaseModel):",
        f'    """{inspect.getdoc(model)} As the settings file has it."""',
        "",
        _CONFIG,
        "",
    ]
    for field_name, field in model.model_fields.items():
        if field_name not in WRITTEN_OTHERWISE:
            unit = unit_of(field)
            source = sources[field_name]
            lines.append(f"    {human_name(field_name, unit)}: " + (_scaled(field, unit) if unit else _copied(source)))
            lines.append(f'    """{said[field_name]}"""')
    return "\n".join(lines)


def _copied(source: ast.AnnAssign) -> str:
    annotation = ast.unparse(source.annotation)
    return annotation if source.value is None else f"{annotation} = {ast.unparse(source.value)}".replace("'", '"')


def _scaled(field: FieldInfo, unit: HumanUnit) -> str:
    least, most = human_range(field, unit) or (None, None)
    kind = "int" if unit.decimal_places == 0 else "Decimal"
    places = f", decimal_places={unit.decimal_places}" if unit.decimal_places else ""
    default = field.default // unit.factor
    shown = str(default) if kind == "int" else f"Decimal({default})"
    return f"Annotated[{kind}, Field(ge={least}, le={most}{places})] = {shown}"


def _imports(body: str) -> list[str]:
    """From where `config.py` has them, or from itself."""
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    homes = {
        "Annotated": "typing",
        "Decimal": "decimal",
        "BaseModel": "pydantic",
        "ConfigDict": "pydantic",
        "Field": "pydantic",
    }
    for node in ast.parse(inspect.getsource(config)).body:
        if isinstance(node, ast.ImportFrom):
            homes |= {alias.name: str(node.module) for alias in node.names}
        elif isinstance(node, ast.ClassDef):
            homes[node.name] = config.__name__
    modules = {home: sorted(name for name in used if homes.get(name) == home) for home in set(homes.values())}
    lines = {home: f"from {home} import {', '.join(names)}" for home, names in modules.items() if names}
    groups = (("decimal", "typing"), ("pydantic",), tuple(sorted(home for home in lines if "schemas" in home)))
    found = [[lines[home] for home in group if home in lines] for group in groups]
    return "\n\n".join("\n".join(group) for group in found if group).split("\n")
