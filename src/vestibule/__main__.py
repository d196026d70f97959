import sys, uvicorn, asyncio
from vestibule.settings import load_settings
from vestibule.bootstrap import build_deployment
from vestibule.storage.engine import make_engine
from vestibule.storage.migrations import migrate
from vestibule.log import configure_logging
s=load_settings(); configure_logging(s.log_level)
if sys.argv[1]=="migrate": migrate(make_engine(s.database_url,create=True))
else: uvicorn.run(build_deployment(s).make_app(),port=int(sys.argv[3]),loop="uvloop",http="httptools",access_log=False,log_level="warning",server_header=False,proxy_headers=False,lifespan="off")
