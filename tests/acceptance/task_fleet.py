"""Tasks of ten thousand simulated nodes: churn, cut sites, a storm of changes, the cloud killed."""
from common import check, program, run


def test_ten_thousand_nodes_run_nothing_twice_and_lose_nothing():
    said = run(program("task_fleet_sim"), "--nodes", "10000", "--tasks", "2", "--seconds", "60", "--seed", "2").stdout
    check("all is well" in said and "10000" in said, said)
