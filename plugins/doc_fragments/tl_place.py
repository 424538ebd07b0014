"""Documentation that the modules in `library/` share: where AWS is, and what they need."""

from __future__ import annotations


class ModuleDocFragment:
    """Named by `extends_documentation_fragment`; found by `doc_fragment_plugins` in ansible.cfg."""

    DOCUMENTATION = r"""
options:
  region:
    description: The AWS region. Taken from the environment or the AWS profile if not given.
    type: str
  endpoint_url:
    description: Where AWS answers. E(AWS_ENDPOINT_URL) is honoured if not given.
    type: str
requirements: [tinyllama for the Python that runs the module]
"""
