"""Build configuration: every value is read from settings.ini, none is written here."""
import configparser
import shlex
from pathlib import Path

from setuptools import find_namespace_packages, setup

here = Path(__file__).parent
parser = configparser.ConfigParser(delimiters=["="], interpolation=None)
parser.read(here / "settings.ini", encoding="utf-8")
cfg = parser["DEFAULT"]
LICENSES = {"apache2": "Apache-2.0"}

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license=LICENSES[cfg["license"]],
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    keywords=cfg["keywords"].split(),
    classifiers=[
        f"Intended Audience :: {cfg['audience']}",
        f"Natural Language :: {cfg['language']}",
    ],
    # namespace packages, so that the folders of weights count as packages and travel in the wheel
    packages=find_namespace_packages(
        include=[cfg["lib_path"], f"{cfg['lib_path']}.*"], exclude=["*.__pycache__"]
    ),
    include_package_data=True,
    python_requires=f">={cfg['min_python']}",
    install_requires=shlex.split(cfg["requirements"]),
    extras_require={
        key.removesuffix("_requirements"): shlex.split(value)
        for key, value in cfg.items()
        if key.endswith("_requirements")
    },
    entry_points={"console_scripts": shlex.split(cfg["console_scripts"])},
)
