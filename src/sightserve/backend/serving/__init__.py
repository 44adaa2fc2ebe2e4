"""A backend on its sockets: started, listening, answering, ended in order."""
