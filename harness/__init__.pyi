"""What `import harness` offers, for type checkers and editors; `harness.api` documents it."""

from .api import Runs as Runs
from .api import ask_model as ask_model
from .api import build_sandbox as build_sandbox
from .api import check_machine as check_machine
from .api import compare_runs as compare_runs
from .api import config_example as config_example
from .api import config_schema as config_schema
from .api import data_files as data_files
from .api import decontaminate as decontaminate
from .api import dry_run as dry_run
from .api import evolve_data as evolve_data
from .api import export_rows as export_rows
from .api import export_run as export_run
from .api import fetch_data as fetch_data
from .api import finetune_model as finetune_model
from .api import gate_runs as gate_runs
from .api import import_results as import_results
from .api import leaderboard as leaderboard
from .api import list_names as list_names
from .api import load_runs as load_runs
from .api import merge_adapter as merge_adapter
from .api import plan_run as plan_run
from .api import reproduce as reproduce
from .api import run as run
from .api import run_loop as run_loop
from .api import score as score
from .api import untouched as untouched
from .api import verify_sandbox as verify_sandbox
from .api import write_report as write_report

__version__: str
