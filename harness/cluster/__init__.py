"""The same run on the nodes of a Ray cluster: replicas of the model, and a sandbox on each node that scores.

Ray (Apache-2.0, ray.io) is imported in this package alone, and only when a cluster is asked for. The pipeline does not
know of it: it gets another `Model` and another `Sandbox`. Ray trusts its network and its processes speak pickle to each
other; what comes from a model or a candidate's program travels in our own records and is never unpickled.

A run does not outlive the cluster's head; the same command resumes it.
"""
