"""The HTTP API and the live page: a reader of the scored topics like ``tail``. FastAPI, uvicorn, NiceGUI are imported
here alone, and nothing but the command imports this.
"""
